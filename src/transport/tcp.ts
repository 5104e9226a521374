/** TCP sockets as byte streams: accepted ones and ones that lead somewhere. */
import { BunDuplex } from "./bun-duplex.ts";

/** Accepts connections at a listening socket, which it then owns, until it is disposed of; those that were accepted live on. */
export function adoptListener(fd: number, accept: (client: BunDuplex) => void): Disposable {
  const place = { fd, hostname: "", port: 0 };
  const listener = Bun.listen<BunDuplex>({
    // Bun takes { fd } at run time, and then that alone counts; its type declarations do not say so.
    ...place,
    allowHalfOpen: true,
    socket: {
      ...BunDuplex.events,
      open(socket) {
        socket.data = new BunDuplex();
        BunDuplex.events.open(socket);
        accept(socket.data);
      },
    },
  });
  return { [Symbol.dispose]: () => listener.stop() };
}

/** Rejects when nobody accepts. */
export async function connectTcp(hostname: string, port: number): Promise<BunDuplex> {
  const data = new BunDuplex();
  await Bun.connect<BunDuplex>({ hostname, port, data, allowHalfOpen: true, socket: BunDuplex.events });
  return data;
}

/** TCP sockets as byte streams: accepted ones and ones that lead somewhere. */
import { BunDuplex } from "./bun-duplex.ts";

/** Accepts connections until it is disposed of; those that were accepted live on. Throws when the port is taken. */
export function listenTcp(hostname: string, port: number, accept: (client: BunDuplex) => void): Disposable {
  const listener = Bun.listen<BunDuplex>({
    hostname,
    port,
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

/** One question to another name server over TCP: for answers that no datagram holds. RFC 7766 */
import { after } from "../../../lib/timer.ts";

const lengthBytes = 2;

/** The first message that the server sends; undefined when it sends none in time. */
export async function askByTcp(
  query: Uint8Array,
  hostname: string,
  port: number,
  timeoutMs: number,
): Promise<Uint8Array | undefined> {
  return await new Promise((resolve) => {
    let open: Bun.Socket | undefined;
    let ended = false;
    let got = Buffer.alloc(0);
    const settle = (answer: Uint8Array | undefined): void => {
      if (ended) return;
      ended = true;
      timer.cancel();
      open?.terminate();
      resolve(answer);
    };
    const timer = after(timeoutMs, () => settle(undefined), { background: true });
    Bun.connect({
      hostname,
      port,
      socket: {
        open(socket) {
          open = socket;
          if (ended) socket.terminate();
          else socket.write(Buffer.concat([Uint8Array.of(query.length >>> 8, query.length & 0xff), query]));
        },
        data(_socket, data) {
          got = Buffer.concat([got, data]);
          if (got.length < lengthBytes) return;
          const end = lengthBytes + got.readUInt16BE(0);
          if (got.length >= end) settle(new Uint8Array(got.subarray(lengthBytes, end)));
        },
        close: () => settle(undefined),
        error: () => settle(undefined),
        connectError: () => settle(undefined),
      },
    }).catch(() => settle(undefined));
  });
}

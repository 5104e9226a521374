/** Opens the engine's address with Bun's sockets, for `AsyncTransport` in this very program; what they cannot do, by `dial.ts`. */
import type { ByteDuplex } from "../lib/byte-duplex.ts";
import { BunDuplex } from "../transport/bun-duplex.ts";
import type { Endpoint } from "./endpoint.ts";

export async function openWithBun(endpoint: Endpoint): Promise<ByteDuplex> {
  if (endpoint.kind !== "unix") return (await import("./dial.ts")).dial(endpoint);
  const data = new BunDuplex();
  await Bun.connect({ unix: endpoint.path, data, allowHalfOpen: true, socket: BunDuplex.events });
  return data;
}

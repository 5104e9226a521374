/** A connection to the engine by this program's standard input and output: what stands at the other end of an `ssh`. */
import type { ByteDuplex } from "../lib/byte-duplex.ts";
import { NodeDuplex } from "../transport/node-duplex.ts";
import { dial } from "./dial.ts";
import type { Endpoint } from "./endpoint.ts";

/** Ends when the engine has ended the connection, or when nobody reads any more. */
export async function joinStandardStreams(endpoint: Endpoint): Promise<void> {
  const engine = await dial(endpoint);
  await joinUntilEngineEnds(new NodeDuplex(process.stdin, process.stdout), engine);
}

/** Copies both ways. A caller that ends its side may still be answered; when the engine ends, it is over. */
export function joinUntilEngineEnds(caller: ByteDuplex, engine: ByteDuplex): Promise<void> {
  return new Promise((resolve) => {
    let isAnswered = false;
    caller.listen({
      data(chunk) {
        if (!engine.write(chunk)) caller.pause();
      },
      end: () => engine.end(),
      close() {
        engine.destroy();
        resolve();
      },
      drain() {
        if (isAnswered) resolve();
        else engine.resume();
      },
    });
    engine.listen({
      data(chunk) {
        if (!caller.write(chunk)) engine.pause();
      },
      end() {
        isAnswered = true;
        caller.end();
      },
      close() {
        isAnswered = true;
        caller.end();
      },
      drain: () => caller.resume(),
    });
  });
}

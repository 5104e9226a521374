import { expect, test } from "bun:test";
import type { ByteDuplex, DuplexHandlers } from "../lib/byte-duplex.ts";
import { joinUntilEngineEnds } from "./standard-streams.ts";

/** A stream of which the test plays the other end, and which tells what is done to it. */
function played() {
  const done: string[] = [];
  let handlers: DuplexHandlers | undefined;
  const duplex: ByteDuplex = {
    listen: (given) => {
      handlers = given;
    },
    write: (chunk) => done.push(`write ${new TextDecoder().decode(chunk)}`) > 0,
    end: () => void done.push("end"),
    destroy: () => void done.push("destroy"),
    pause: () => void done.push("pause"),
    resume: () => void done.push("resume"),
  };
  const other = (): DuplexHandlers => {
    if (handlers === undefined) throw new Error("nobody listens");
    return handlers;
  };
  return { duplex, done, other };
}

test("a caller that ends its side is still answered, and the end of the answer is the end", async () => {
  const [caller, engine] = [played(), played()];
  const over = joinUntilEngineEnds(caller.duplex, engine.duplex);
  caller.other().data(new TextEncoder().encode("soup"));
  caller.other().end();
  engine.other().data(new TextEncoder().encode("bread"));
  engine.other().end();
  caller.other().drain?.();
  await over;
  expect(engine.done).toEqual(["write soup", "end"]);
  expect(caller.done).toEqual(["write bread", "end"]);
});

test("a caller that is gone takes the connection to the engine with it", async () => {
  const [caller, engine] = [played(), played()];
  const over = joinUntilEngineEnds(caller.duplex, engine.duplex);
  caller.other().close();
  await over;
  expect(engine.done).toEqual(["destroy"]);
});

import { expect, test } from "bun:test";
import { holding } from "./held-stream.ts";

function thing(): Disposable & { closed: number } {
  return {
    closed: 0,
    [Symbol.dispose]() {
      this.closed += 1;
    },
  };
}

async function* twoPieces(): AsyncGenerator<Uint8Array> {
  yield Uint8Array.of(1);
  yield Uint8Array.of(2);
}

test("what a stream holds is let go once, at its end", async () => {
  const held = thing();
  const seen: number[] = [];
  for await (const piece of holding([held], twoPieces())) {
    seen.push(...piece);
    expect(held.closed).toBe(0);
  }
  expect([seen, held.closed]).toEqual([[1, 2], 1]);
});

test("it is let go when the stream is given up, before its first piece too", async () => {
  const [early, late] = [thing(), thing()];
  await holding([early], twoPieces()).return?.();
  for await (const _piece of holding([late], twoPieces())) break;
  expect([early.closed, late.closed]).toEqual([1, 1]);
});

test("it is let go when the stream fails", async () => {
  const held = thing();
  const broken = async function* (): AsyncGenerator<Uint8Array> {
    yield Uint8Array.of(1);
    throw new Error("broken");
  };
  const reading = Array.fromAsync(holding([held], broken()));
  expect(String(await reading.catch((thrown: unknown) => thrown))).toBe("Error: broken");
  expect(held.closed).toBe(1);
});

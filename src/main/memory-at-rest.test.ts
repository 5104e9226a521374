import { expect, test } from "bun:test";
import { until } from "../../test/support/until.ts";
import { MemoryAtRest } from "./memory-at-rest.ts";

function fakeMemory() {
  return {
    bytes: 100,
    looks: 0,
    collections: 0,
    usedBytes() {
      this.looks += 1;
      return this.bytes;
    },
    collect() {
      this.collections += 1;
      this.bytes = 100;
    },
  };
}

test("what work has left is collected once, when nothing happens any more", async () => {
  const memory = fakeMemory();
  using rest = new MemoryAtRest(memory, 10);
  for (let more = 0; more < 100; more += 1) {
    rest.heard();
    memory.bytes += 1;
  }
  await until("a collection", () => memory.collections === 1);
  expect(memory.looks).toBe(2);
  expect(memory.bytes).toBe(100);
});

test("work that has left next to nothing is not collected after", async () => {
  const memory = fakeMemory();
  using rest = new MemoryAtRest(memory, 10);
  rest.heard();
  memory.bytes = 104;
  await until("a look before and one after", () => memory.looks === 2);
  rest.heard();
  memory.bytes = 120;
  await until("a collection", () => memory.collections === 1);
});

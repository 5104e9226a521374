import { expect, test } from "bun:test";
import { until } from "../../test/support/until.ts";
import { MemoryAtRest } from "./memory-at-rest.ts";

function fakeMemory() {
  const kept = 100;
  return {
    bytes: 200,
    looks: 0,
    collections: 0,
    usedBytes() {
      this.looks += 1;
      return this.bytes;
    },
    collect() {
      this.collections += 1;
      this.bytes = kept;
    },
  };
}

test("what work has left is collected when nothing happens any more, and again only when there is more of it", async () => {
  const memory = fakeMemory();
  using rest = new MemoryAtRest(memory, 10);
  for (let more = 0; more < 100; more += 1) rest.heard();
  await until("a collection and a look at what stays", () => memory.looks === 2);
  expect(memory.collections).toBe(1);
  rest.heard();
  await until("a look", () => memory.looks === 3);
  expect(memory.collections).toBe(1);
  memory.bytes = 106;
  rest.heard();
  await until("a collection", () => memory.collections === 2);
});

test("work while it is collected is not forgotten", async () => {
  const memory = fakeMemory();
  using rest = new MemoryAtRest(memory, 10);
  const look = memory.usedBytes.bind(memory);
  memory.usedBytes = () => {
    const bytes = look();
    if (memory.looks === 2) {
      rest.heard();
      memory.bytes = 200;
    }
    return bytes;
  };
  rest.heard();
  await until("another collection", () => memory.collections === 2);
});

import { expect, test } from "bun:test";
import { until } from "../../test/support/until.ts";
import { MemoryAtRest } from "./memory-at-rest.ts";

function fakeMemory() {
  return {
    bytes: 100,
    looks: 0,
    collections: 0,
    insistences: 0,
    isStubborn: false,
    usedBytes() {
      this.looks += 1;
      return this.bytes;
    },
    collect(how: "beside" | "at once") {
      if (how === "at once") this.insistences += 1;
      else this.collections += 1;
      if (how === "beside" && this.isStubborn) return;
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

test("a collection that does not come about beside the work is made at once, when nothing has begun meanwhile", async () => {
  const memory = fakeMemory();
  memory.isStubborn = true;
  using rest = new MemoryAtRest(memory, 10, 10);
  rest.heard();
  memory.bytes = 120;
  await until("a collection at once", () => memory.insistences === 1);
  expect({ collections: memory.collections, bytes: memory.bytes }).toEqual({ collections: 1, bytes: 100 });
});

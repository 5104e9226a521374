import { expect, test } from "bun:test";
import { EventBus } from "./mod.ts";

test("listeners hear events in order until they leave, and one that throws does not stop the others", () => {
  const reported: unknown[] = [];
  const bus = new EventBus((thrown) => reported.push(thrown));
  const heard: string[] = [];
  const failing = bus.subscribe(() => {
    throw new Error("deaf");
  });
  const leaving = bus.subscribe((event) => heard.push(`${event.type} ${event.action} ${event.id}`));
  bus.emit("container", "create", "a");
  leaving[Symbol.dispose]();
  failing[Symbol.dispose]();
  bus.emit("container", "start", "a");
  expect(heard).toEqual(["container create a"]);
  expect(reported).toHaveLength(1);
  expect(bus.since(0n).map((event) => event.action)).toEqual(["create", "start"]);
});

test("the history is bounded", () => {
  const bus = new EventBus(() => {});
  for (let number = 0; number < 1000; number += 1) bus.emit("container", "create", String(number));
  const history = bus.since(0n);
  expect(history.length).toBeLessThanOrEqual(256);
  expect(history.at(-1)?.id).toBe("999");
});

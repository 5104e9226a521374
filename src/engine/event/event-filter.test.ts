import { expect, test } from "bun:test";
import { nowMs } from "../../lib/clock.ts";
import { openTimers } from "../timers.ts";
import { eventTest } from "./event-filter.ts";
import { EventBus, EventService } from "./mod.ts";

const bus = () => new EventBus(() => {});
const never = new AbortController().signal;

test("filters: any value of a key, every key; labels all of them; ids and names by their beginning", () => {
  const made = bus();
  made.emit("container", "create", "abc123", { name: "web", image: "base:latest", role: "front", x: "1" });
  made.emit("container", "exec_create: sh -c true", "abc123", { name: "web", image: "base:latest" });
  made.emit("image", "tag", "sha256:77", { name: "mine:1" });
  made.emit("volume", "mount", "data", {});
  const chosen = (filters: Readonly<Record<string, readonly string[]>>) =>
    made
      .since(0n)
      .filter(eventTest(filters))
      .map(({ type, action }) => `${type} ${action.split(":")[0]}`);
  const all = ["container create", "container exec_create", "image tag", "volume mount"];
  expect(chosen({})).toEqual(all);
  expect(chosen({ type: ["volume", "image"] })).toEqual(["image tag", "volume mount"]);
  expect(chosen({ container: ["we"] })).toEqual(all.slice(0, 2));
  expect(chosen({ container: ["abc"], event: ["exec_create"] })).toEqual(["container exec_create"]);
  expect(chosen({ label: ["role=front", "x"] })).toEqual(["container create"]);
  expect(chosen({ label: ["role=front", "y"] })).toEqual([]);
  expect(chosen({ label: ["constructor"] })).toEqual([]);
  expect(chosen({ image: ["base"] })).toEqual(all.slice(0, 2));
  expect(chosen({ image: ["mine"] })).toEqual(["image tag"]);
  expect(chosen({ scope: ["swarm"] })).toEqual([]);
  for (const name of ["colour", "__proto__", "toString"]) {
    expect(() => chosen({ [name]: ["x"] })).toThrow(`invalid filter '${name}'`);
  }
});

test("the past since a moment, then what comes, each once, until the moment that was asked for", async () => {
  using timers = openTimers();
  const made = bus();
  const service = new EventService(made, timers);
  made.emit("container", "create", "a");
  const moment = made.since(0n)[0]?.timeNs ?? 0n;
  made.emit("container", "start", "a");
  const untilNs = BigInt(nowMs() + 150) * 1_000_000n;
  const heard: string[] = [];
  const listening = (async () => {
    const request = { sinceNs: moment + 1n, untilNs, filters: {} };
    for await (const { Action } of service.events(request, never)) heard.push(Action);
  })();
  made.emit("container", "die", "a");
  await listening;
  expect(heard).toEqual(["start", "die"]);
  // A period that is over ends at once; one that ends before it begins is refused.
  const past = service.events({ untilNs, filters: {} }, never);
  expect((await Array.fromAsync(past)).map(({ Action }) => Action)).toEqual(["create", "start", "die"]);
  expect(() => service.events({ sinceNs: 2n, untilNs: 1n, filters: {} }, never)).toThrow("earlier");
});

test("without a moment there is no past; whoever goes is forgotten; times of events never repeat", async () => {
  using timers = openTimers();
  const made = bus();
  const service = new EventService(made, timers);
  made.emit("container", "create", "a");
  const gone = new AbortController();
  const events = service.events({ filters: {} }, gone.signal)[Symbol.asyncIterator]();
  made.emit("container", "start", "a", { image: "base", name: "one" });
  expect((await events.next()).value).toMatchObject({
    status: "start",
    id: "a",
    from: "base",
    Type: "container",
    Action: "start",
    Actor: { ID: "a", Attributes: { image: "base", name: "one" } },
    scope: "local",
  });
  const next = events.next();
  gone.abort();
  expect((await next).done).toBe(true);
  for (let index = 0; index < 100; index += 1) made.emit("container", "create", "b");
  const times = made.since(0n).map(({ timeNs }) => timeNs);
  expect(new Set(times).size).toBe(times.length);
});

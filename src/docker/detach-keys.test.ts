import { expect, test } from "bun:test";
import { TiffinError } from "../lib/errors.ts";
import { DetachWatcher, parseDetachKeys } from "./detach-keys.ts";

test.each([
  ["", [16, 17]],
  ["ctrl-p,ctrl-q", [16, 17]],
  ["ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", [0, 27, 28, 29, 30, 31]],
  ["a,b,DEL", [97, 98, 127]],
  ["ctrl-A", [1]],
])("%j is %j", (keys, bytes) => {
  expect([...parseDetachKeys(keys)]).toEqual(bytes);
});

test.each(["ctrl-", "ctrl-1", "ab", "a,,b", "é", "ctrl-p,"])("%j is refused", (keys) => {
  expect(() => parseDetachKeys(keys)).toThrow(
    new TiffinError("invalid", "stream.detach-keys", `Invalid detach keys (${keys}) provided`),
  );
});

/** What passes, typed in pieces of `step`. */
function type(keys: string, typed: string, step: number): { passed: string; detached: boolean } {
  const watcher = new DetachWatcher(parseDetachKeys(keys));
  let passed = "";
  for (let at = 0; at < typed.length; at += step) {
    const { pass, detached } = watcher.push(Buffer.from(typed.slice(at, at + step)));
    passed += Buffer.from(pass).toString();
    if (detached) return { passed, detached };
  }
  return { passed, detached: false };
}

test.each([
  ["ctrl-p,ctrl-q", "ls\n", "ls\n", false],
  ["ctrl-p,ctrl-q", "ls\x10\x11rest", "ls", true],
  ["ctrl-p,ctrl-q", "a\x10b\x11", "a\x10b\x11", false],
  ["ctrl-p,ctrl-q", "\x10\x10\x11", "\x10", true],
  ["a,a,b", "aaab", "a", true],
  ["a,b,a,c", "ababac", "ab", true],
  ["x", "12x3", "12", true],
])("keys %j, typed %j", (keys, typed, passed, detached) => {
  for (let step = 1; step <= typed.length; step += 1)
    expect(type(keys, typed, step)).toEqual({ passed, detached });
});

test("a first key that is not followed by the second comes with the next one", () => {
  const watcher = new DetachWatcher(parseDetachKeys(""));
  expect([...watcher.push(new Uint8Array([16])).pass]).toEqual([]);
  expect([...watcher.push(new Uint8Array([65])).pass]).toEqual([16, 65]);
});

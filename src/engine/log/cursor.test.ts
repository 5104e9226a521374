import { afterEach, beforeEach, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { LogCursor, type LogSelection } from "./cursor.ts";
import { parseRecord, timeNs } from "./record.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync("/tmp/tiffin-test-log-");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const everything: LogSelection = {
  stdout: true,
  stderr: true,
  tail: undefined,
  sinceNs: undefined,
  untilNs: undefined,
};

function readAll(cursor: LogCursor): string {
  let text = "";
  for (let chunk = cursor.next(); chunk !== undefined; chunk = cursor.next()) {
    for (const entry of chunk) text += Buffer.from(entry.bytes).toString("latin1");
  }
  return text;
}

function read(selection: Partial<LogSelection> = {}): string {
  using cursor = new LogCursor(directory, { ...everything, ...selection });
  return readAll(cursor);
}

function line(second: number, stream: string, tag: string, text: string): string {
  return `2026-01-01T00:00:${String(second).padStart(2, "0")}.000000001Z ${stream} ${tag} ${text}\n`;
}

/** Renames as the supervisor does, keeping `files` of them. */
function rotate(files: number): void {
  for (let age = files - 1; age >= 1; age -= 1) {
    const from = age === 1 ? `${directory}/log` : `${directory}/log.${age - 1}`;
    try {
      renameSync(from, `${directory}/log.${age}`);
    } catch {}
  }
}

test("no log at all is empty, and a log that appears later is read", () => {
  using cursor = new LogCursor(directory, everything);
  expect(cursor.next()).toBeUndefined();
  writeFileSync(`${directory}/log`, line(1, "stdout", "F", "hello"));
  expect(readAll(cursor)).toBe("hello\n");
});

test("pieces of a line keep no newline, streams are selected", () => {
  writeFileSync(
    `${directory}/log`,
    line(1, "stdout", "P", "one ") + line(1, "stderr", "F", "bad") + line(2, "stdout", "F", "line"),
  );
  expect(read({ stderr: false })).toBe("one line\n");
  expect(read({ stdout: false })).toBe("bad\n");
  using cursor = new LogCursor(directory, everything);
  expect(cursor.next()?.map((entry) => [entry.time.slice(17, 19), entry.stream, entry.bytes.length])).toEqual(
    [
      ["01", "stdout", 4],
      ["01", "stderr", 4],
      ["02", "stdout", 5],
    ],
  );
});

test("since and until compare nanoseconds and include their own moment", () => {
  writeFileSync(
    `${directory}/log`,
    [1, 2, 3].map((second) => line(second, "stdout", "F", String(second))).join(""),
  );
  const second2 = timeNs("2026-01-01T00:00:02.000000001Z");
  expect(read({ sinceNs: second2 })).toBe("2\n3\n");
  expect(read({ sinceNs: second2 + 1n })).toBe("3\n");
  expect(read({ untilNs: second2 })).toBe("1\n2\n");
});

test("tail counts lines, not records, across files and read blocks", () => {
  let number = 0;
  const block = (count: number): string => {
    let text = "";
    for (let index = 0; index < count; index += 1) {
      number += 1;
      text += line(1, "stdout", "P", `${number}`) + line(1, "stdout", "F", "!".repeat(number % 50));
    }
    return text;
  };
  writeFileSync(`${directory}/log.1`, block(3000));
  writeFileSync(`${directory}/log`, block(3000));
  const all = read().split("\n").slice(0, -1);
  expect(all).toHaveLength(6000);
  for (const tail of [0, 1, 2, 2999, 3000, 3001, 5999, 6000, 7000]) {
    const want = all.slice(tail === 0 ? all.length : -tail).map((text) => `${text}\n`);
    expect(read({ tail })).toBe(want.join(""));
  }
});

test("a follower sees every record once while the log rotates under it", () => {
  using cursor = new LogCursor(directory, everything);
  let seen = "";
  let wanted = "";
  for (let number = 0; number < 2000; number += 1) {
    appendFileSync(`${directory}/log`, line(1, "stdout", "F", String(number)));
    wanted += `${number}\n`;
    if (number % 7 === 0) rotate(5);
    // A slow follower: it looks every 20 records, so up to three rotations happen in between.
    if (number % 20 === 0) seen += readAll(cursor);
  }
  seen += readAll(cursor);
  expect(seen).toBe(wanted);
});

test("a record that is half written waits for its end", () => {
  const whole = line(1, "stdout", "F", "late");
  using cursor = new LogCursor(directory, everything);
  writeFileSync(`${directory}/log`, whole.slice(0, 12));
  expect(readAll(cursor)).toBe("");
  appendFileSync(`${directory}/log`, whole.slice(12));
  expect(readAll(cursor)).toBe("late\n");
});

test("lines that are no records are dropped", () => {
  writeFileSync(`${directory}/log`, `garbage\n\n${line(1, "stdout", "F", "")}x y z\n`);
  expect(read()).toBe("\n");
  expect(parseRecord(Buffer.from("2026-01-01T00:00:01Z stdout X"))).toBeUndefined();
});

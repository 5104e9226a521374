import { afterEach, beforeEach, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { LogCursor, type LogStop } from "./cursor.ts";
import { logFileName } from "./files.ts";
import { damagedHere, inEarlierFormat, missingHere, olderGone } from "./notes.ts";
import { parseRecord, parseRecordBefore } from "./record.ts";
import type { LogEntry, LogSelection } from "./selection.ts";
import { epochNs, LogWriter } from "./testing.ts";

let directory = "";
let log = new LogWriter("");
beforeEach(() => {
  directory = mkdtempSync("/tmp/tiffin-test-log-");
  log = new LogWriter(directory);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const everything: LogSelection = {
  stdout: true,
  stderr: true,
  tail: undefined,
  sinceNs: undefined,
  untilNs: undefined,
  tty: false,
};

function readEntries(cursor: LogCursor): LogEntry[] {
  const entries: LogEntry[] = [];
  for (let batch = cursor.next(); batch !== undefined; batch = cursor.next()) entries.push(...batch);
  return entries;
}

function textOf(entries: readonly LogEntry[]): string {
  return entries.map(({ bytes }) => Buffer.from(bytes).toString("latin1")).join("");
}

function entriesOf(selection: Partial<LogSelection> = {}, stop: LogStop = "now"): LogEntry[] {
  using cursor = new LogCursor(directory, { ...everything, ...selection }, stop);
  return readEntries(cursor);
}

function read(selection: Partial<LogSelection> = {}, stop: LogStop = "now"): string {
  return textOf(entriesOf(selection, stop));
}

function follow(selection: Partial<LogSelection> = {}): LogCursor {
  return new LogCursor(directory, { ...everything, ...selection }, "never");
}

test("no log at all is empty, and a log that appears later is read by a follower", () => {
  expect(read()).toBe("");
  using cursor = follow({ tail: 3 });
  expect(textOf(readEntries(cursor))).toBe("");
  log.write("hello\n");
  expect(textOf(readEntries(cursor))).toBe("hello\n");
});

test("a line that came in pieces is one entry with the time of its end, and streams do not mix", () => {
  log.write("one ", "stdout", 1);
  log.write("bad\n", "stderr", 2);
  log.write("li", "stdout", 3);
  log.write("ne\nend", "stdout", 4);
  expect(
    entriesOf().map(({ stream, timeNs, bytes }) => [stream, timeNs - epochNs, String(Buffer.from(bytes))]),
  ).toEqual([
    ["stderr", 2_000_000_000n, "bad\n"],
    ["stdout", 4_000_000_000n, "one line\n"],
    ["stdout", 4_000_000_000n, "end"],
  ]);
  expect(read({ stderr: false })).toBe("one line\nend");
  expect(read({ stdout: false })).toBe("bad\n");
});

test("a follower sees an unfinished line at once, and its rest is told to be one", () => {
  using cursor = follow();
  log.write("password: ");
  expect(readEntries(cursor)).toMatchObject([{ continues: false }]);
  log.write("secret\nnext\n");
  const rest = readEntries(cursor);
  expect(rest).toMatchObject([{ continues: true }, { continues: false }]);
  expect(textOf(rest)).toBe("secret\nnext\n");
});

test("a long line is given out in pieces of which only the first begins it", () => {
  for (let piece = 0; piece < 5; piece += 1) log.write("x".repeat(8192));
  log.write("\n");
  expect(entriesOf().map(({ bytes, continues }) => [bytes.length, continues])).toEqual([
    [16_384, false],
    [16_384, true],
    [8193, true],
  ]);
});

test("since and until look at the end of a line and do not cut it", () => {
  log.write("1\na", "stdout", 1);
  log.write("b", "stdout", 2);
  log.write("c\n3\n", "stdout", 3);
  log.write("4\n", "stdout", 4);
  const at = (second: number): bigint => epochNs + BigInt(second) * 1_000_000_000n;
  expect(read({ sinceNs: at(2) })).toBe("abc\n3\n4\n");
  expect(read({ sinceNs: at(3) + 1n })).toBe("4\n");
  expect(read({ untilNs: at(2) })).toBe("1\n");
  expect(read({ untilNs: at(3) })).toBe("1\nabc\n3\n");
});

test("tail counts lines, with and without a newline, across records, files and read blocks", () => {
  let number = 0;
  const fill = (count: number): void => {
    for (let index = 0; index < count; index += 1) {
      number += 1;
      log.write(`${number}`);
      log.write(`${"!".repeat(number % 50)}\n`);
    }
  };
  fill(3000);
  log.rotate();
  fill(3000);
  log.write("end");
  const all = read().split("\n");
  expect(all).toHaveLength(6001);
  for (const tail of [0, 1, 2, 3000, 3001, 3002, 6000, 6001, 7000]) {
    expect(read({ tail })).toBe(all.slice(tail === 0 ? all.length : -tail).join("\n"));
  }
});

test("tail counts what an earlier life left unfinished, and lines in progress on the other stream", () => {
  log.write("a\nb\nc");
  log.beginLife();
  log.write("d", "stdout");
  log.write("x\ny", "stderr");
  log.write("e\n", "stdout");
  log.write("z\n", "stderr");
  const all = entriesOf().map(({ bytes }) => String(Buffer.from(bytes)));
  expect(all).toEqual(["a\n", "b\n", "c", "x\n", "de\n", "yz\n"]);
  for (let tail = 0; tail <= all.length + 1; tail += 1) {
    const want = all.slice(tail === 0 ? all.length : -tail);
    expect(entriesOf({ tail }).map(({ bytes }) => String(Buffer.from(bytes)))).toEqual(want);
  }
  expect(read({ tail: 2, stderr: false })).toBe("cde\n");
});

test("tail agrees with the end of the whole for random output of both streams", () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  for (let piece = 0; piece < 300; piece += 1) {
    const text = Array.from({ length: 1 + random(6) }, () => "abc\n"[random(4)]).join("");
    log.write(text, random(2) === 0 ? "stdout" : "stderr");
    if (random(40) === 0) log.beginLife();
    if (random(50) === 0) log.rotate();
    for (const selection of [{}, { stderr: false }, { stdout: false }]) {
      const all = entriesOf(selection).map(({ bytes }) => String(Buffer.from(bytes)));
      const tail = random(8);
      const want = all.slice(tail === 0 ? all.length : -tail);
      expect(entriesOf({ ...selection, tail }).map(({ bytes }) => String(Buffer.from(bytes)))).toEqual(want);
    }
  }
});

test("a follower sees every record once while the log rotates under it", () => {
  using cursor = follow();
  let seen = "";
  let wanted = "";
  for (let number = 0; number < 2000; number += 1) {
    log.write(`${number}\n`);
    wanted += `${number}\n`;
    if (number % 7 === 0) log.rotate(5);
    // A slow follower: it looks every 20 records, so up to three rotations happen in between.
    if (number % 20 === 0) seen += textOf(readEntries(cursor));
  }
  seen += textOf(readEntries(cursor));
  expect(seen).toBe(wanted);
});

test("one file only: a follower that looks once a file misses nothing", () => {
  using cursor = follow();
  let seen = "";
  for (let number = 0; number < 50; number += 1) {
    log.write(`${number}\n`);
    seen += textOf(readEntries(cursor));
    log.write(`${number}!\n`);
    log.rotate(1);
  }
  seen += textOf(readEntries(cursor));
  expect(seen).toBe(Array.from({ length: 50 }, (_, number) => `${number}\n${number}!\n`).join(""));
});

test("what was rotated away is told to the byte, once, on stderr", () => {
  log.write("first\n");
  log.rotate();
  log.write("second\n");
  log.rotate(1);
  log.write("third\n");
  expect(entriesOf()).toMatchObject([
    { stream: "stderr", note: true },
    { stream: "stdout", note: false },
  ]);
  expect(read()).toBe(`${olderGone(13)}\nthird\n`);
  expect(read({ stderr: false })).toBe(`${olderGone(13)}\nthird\n`);
  expect(read({ tail: 1 })).toBe("third\n");
  expect(read({ tail: 2 })).toBe(`${olderGone(13)}\nthird\n`);
  expect(read({ sinceNs: epochNs + 1n })).toBe("");
});

test("a follower that falls behind is told what it missed, also in the middle of a line", () => {
  using cursor = follow();
  log.write("one\ntw");
  expect(textOf(readEntries(cursor))).toBe("one\ntw");
  log.write("o\n");
  log.rotate();
  log.write("three\n");
  log.rotate(1);
  log.write("four\n");
  // The file that it has open is read to its end all the same.
  expect(textOf(readEntries(cursor))).toBe(`o\n${missingHere(6)}\nfour\n`);
});

test("on a terminal a note stands on a line of its own", () => {
  using cursor = follow({ tty: true });
  log.write("$ ");
  expect(textOf(readEntries(cursor))).toBe("$ ");
  log.lose("gone\r\n");
  log.write("there\r\n");
  const rest = readEntries(cursor);
  expect(textOf(rest)).toBe(`\r\n${missingHere(6)}\r\nthere\r\n`);
  expect(rest.every(({ stream }) => stream === "stdout")).toBe(true);
});

test("output that a full disk did not take is told where it is missing", () => {
  log.write("one\n");
  log.lose("two\n");
  log.write("three\n");
  expect(read()).toBe(`one\n${missingHere(4)}\nthree\n`);
});

test("a record that is half written waits for its end", () => {
  log.write("early\n");
  const late = log.encode("late\n");
  using cursor = follow();
  appendFileSync(log.path, late.subarray(0, 7));
  expect(textOf(readEntries(cursor))).toBe("early\n");
  expect(read({ tail: 1 })).toBe("early\n");
  appendFileSync(log.path, late.subarray(7));
  expect(textOf(readEntries(cursor))).toBe("late\n");
  expect(read({ tail: 1 })).toBe("late\n");
});

test("without following, reading ends where the log ended when it began", () => {
  log.write("one\n");
  using cursor = new LogCursor(directory, everything, "now");
  log.write("two\n");
  log.rotate();
  log.write("three\n");
  expect(textOf(readEntries(cursor))).toBe("one\n");
  expect(cursor.finished).toBe(true);
});

test("a place in the output ends the reading exactly there", () => {
  log.write("one\ntw");
  using cursor = follow();
  expect(textOf(readEntries(cursor))).toBe("one\ntw");
  log.write("o\nthr");
  cursor.stopAt(log.end);
  log.write("ee\n");
  expect(textOf(readEntries(cursor))).toBe("o\nthr");
  expect(cursor.finished).toBe(true);
  using none = follow();
  none.stopAt(0);
  expect(textOf(readEntries(none))).toBe("");
});

test("whatever a file holds, reading ends and says so", () => {
  log.write("good\n");
  appendFileSync(log.path, "garbage that is no record at all, and longer than a head");
  log.rotate();
  log.write("later\n");
  expect(read()).toBe(`good\n${damagedHere}\nlater\n`);
  expect(read({ tail: 5 })).toBe(`good\n${damagedHere}\nlater\n`);
  writeFileSync(`${directory}/${logFileName(99_999)}`, new Uint8Array(70_000).fill(0x55));
  expect(read({ tail: 1 })).toBe(`later\n${damagedHere}\n`);
  for (let length = 0; length < 200; length += 1) {
    const bytes = new Uint8Array(length).fill(length);
    expect(typeof parseRecord(bytes, 0)).not.toBe("object");
    expect(typeof parseRecordBefore(bytes, length)).not.toBe("object");
  }
});

test("output in the format of an earlier version is told of, not passed over", () => {
  writeFileSync(`${directory}/log`, "2026-01-01T00:00:00.000000001Z stdout F old\n");
  const note = `${inEarlierFormat(`${directory}/log`)}\n`;
  expect(read()).toBe(note);
  log.write("new\n");
  expect(read({ tail: 1 })).toBe(`${note}new\n`);
});

import { expect, test } from "bun:test";
import { appendFileSync, readdirSync, readFileSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { logFlags, logRecord } from "../../src/abi/schema.ts";
import { openPath, writeText } from "./harness.ts";
import { containerPlan } from "./plans.ts";
import { Session } from "./session.ts";

interface LogRecord {
  readonly timeMs: number;
  readonly stream: string;
  readonly content: string;
  readonly isFirst: boolean;
  readonly stdoutIsOpen: boolean;
  readonly end: number;
}

/** The records of a file, written down here a second time so that both ends are held to the description. */
function parse(bytes: Uint8Array): LogRecord[] {
  const records: LogRecord[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const word = view.getUint32(at, true);
    if (word >>> 24 !== logRecord.magic) throw new Error(`no record at ${at}`);
    const flags = (word >>> 16) & 0xff;
    const length = word & 0xffff;
    const contentAt = at + logRecord.headBytes;
    const tail = view.getBigUint64(contentAt + length, true);
    expect(Number(tail & 0xffffn)).toBe(length);
    records.push({
      timeMs: Number(view.getBigUint64(at + 4, true) / 1_000_000n),
      stream: (flags & logFlags.stderr) === 0 ? "stdout" : "stderr",
      content: Buffer.from(bytes.subarray(contentAt, contentAt + length)).toString("latin1"),
      isFirst: (flags & logFlags.first) !== 0,
      stdoutIsOpen: (flags & logFlags.stdoutOpen) !== 0,
      end: Number(tail >> 16n),
    });
    at = contentAt + length + logRecord.tailBytes;
  }
  return records;
}

/** All log files, oldest first. */
function filesOf(session: Session): string[] {
  return readdirSync(session.logDirectory).sort();
}

function recordsOf(session: Session): LogRecord[] {
  return filesOf(session).flatMap((name) => parse(readFileSync(join(session.logDirectory, name))));
}

function textOf(records: readonly LogRecord[], stream: string): string {
  return records
    .filter((record) => record.stream === stream)
    .map(({ content }) => content)
    .join("");
}

/** Nothing is missing between the first record and the last. */
function expectNoGap(records: readonly LogRecord[]): void {
  for (const [index, record] of records.entries()) {
    const before = records[index - 1];
    if (before !== undefined && record.end - record.content.length !== before.end) {
      throw new Error(`a gap between ${before.end} and ${record.end - record.content.length}`);
    }
  }
}

test("records carry time, stream and their place in the whole output", () => {
  using session = new Session();
  const beforeMs = Date.now();
  session.start({
    arguments: ["sh", "-c", "echo one; echo two >&2; printf 'three\\n\\nfour'; sleep 0.1; echo five"],
  });
  session.finish();
  const records = recordsOf(session);
  expect(textOf(records, "stdout")).toBe("one\nthree\n\nfourfive\n");
  expect(textOf(records, "stderr")).toBe("two\n");
  expect(records.at(-1)).toMatchObject({ content: "five\n", stdoutIsOpen: true, end: 24 });
  expect(records.map(({ isFirst }) => isFirst)).toEqual(records.map((_, index) => index === 0));
  expectNoGap(records);
  for (const { timeMs } of records) {
    expect(timeMs).toBeGreaterThanOrEqual(beforeMs);
    expect(timeMs).toBeLessThanOrEqual(Date.now());
  }
});

test("no output, no file", () => {
  using session = new Session();
  session.start({ arguments: ["true"] });
  session.finish();
  expect(filesOf(session)).toEqual([]);
});

test("a million numbered lines through small files: no gap, duplicate or torn record", () => {
  using session = new Session();
  const limit = 500_000;
  const lines = 1_000_000;
  session.start({ arguments: ["seq", String(lines)], logFileBytes: limit, logFiles: 40, clients: [] });
  session.finishWithoutClient();
  const files = filesOf(session);
  expect(files).toHaveLength(Math.ceil(sequence(1, lines).length / limit));
  const records = recordsOf(session);
  expectNoGap(records);
  expect(textOf(records, "stdout") === sequence(1, lines)).toBe(true);
}, 60_000);

function sequence(first: number, last: number): string {
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}\n`).join("");
}

test("tiny files: the newest output survives, in whole lines and in order", () => {
  using session = new Session();
  session.start({ arguments: ["seq", "20000"], logFileBytes: 1000, logFiles: 5, clients: [] });
  session.finishWithoutClient();
  const files = filesOf(session);
  expect(files).toHaveLength(5);
  const records = recordsOf(session);
  expectNoGap(records);
  const text = textOf(records, "stdout");
  const first = Number(text.slice(0, text.indexOf("\n")));
  expect(text).toBe(sequence(first, 20_000));
  expect(text.length).toBeGreaterThan(4 * 900);
  for (const name of files) {
    expect(
      textOf(parse(readFileSync(join(session.logDirectory, name))), "stdout").length,
    ).toBeLessThanOrEqual(1000);
  }
  // A name says how much output there was before the file.
  const kept = Number(files[0]?.slice("log.".length));
  expect(kept).toBe(sequence(1, first - 1).length);
});

test("a limit smaller than a line keeps the newest bytes in order", () => {
  using session = new Session();
  session.start({ arguments: ["seq", "99990", "100000"], logFileBytes: 3, logFiles: 4, clients: [] });
  session.finishWithoutClient();
  expect(textOf(recordsOf(session), "stdout")).toBe("99\n100000\n");
});

test("many small pieces do not take more than twice the limit on the disk", () => {
  using session = new Session();
  const script = "i=0; while [ $i -lt 300 ]; do printf x; i=$((i+1)); sleep 0.001; done";
  session.start({ arguments: ["sh", "-c", script], logFileBytes: 500, logFiles: 100, clients: [] });
  session.finishWithoutClient();
  expect(textOf(recordsOf(session), "stdout")).toBe("x".repeat(300));
  for (const name of filesOf(session)) {
    expect(statSync(join(session.logDirectory, name)).size).toBeLessThanOrEqual(1000);
  }
});

test("one file only: it begins anew when it is full", () => {
  using session = new Session();
  session.start({ arguments: ["seq", "5000"], logFileBytes: 2000, logFiles: 1, clients: [] });
  session.finishWithoutClient();
  expect(filesOf(session)).toHaveLength(1);
  expect(textOf(recordsOf(session), "stdout")).toEndWith("4999\n5000\n");
});

test("a later start goes on in the same file and place, and cuts off a torn last record", () => {
  for (const torn of [0, 1, 7, 12, 15, 20, 21]) {
    using session = new Session();
    session.start({ arguments: ["echo", "kept"], clients: [] });
    session.finishWithoutClient();
    const path = join(session.logDirectory, filesOf(session)[0] ?? "");
    const kept = readFileSync(path);
    appendFileSync(path, kept.subarray(0, torn));
    using next = new Session(session.logDirectory);
    next.start({ arguments: ["echo", "new"], clients: [] });
    next.finishWithoutClient();
    const records = recordsOf(session);
    expect(filesOf(session)).toHaveLength(1);
    expect(records.map(({ content, isFirst, end }) => [content, isFirst, end])).toEqual([
      ["kept\n", true, 5],
      ["new\n", true, 9],
    ]);
  }
});

test("a later start with fewer files takes the ones too many away", () => {
  using session = new Session();
  session.start({ arguments: ["seq", "1000"], logFileBytes: 100, logFiles: 9, clients: [] });
  session.finishWithoutClient();
  expect(filesOf(session)).toHaveLength(9);
  using next = new Session(session.logDirectory);
  next.start({ arguments: ["seq", "1001", "1020"], logFileBytes: 100, logFiles: 2, clients: [] });
  next.finishWithoutClient();
  expect(filesOf(session)).toHaveLength(2);
  expect(textOf(recordsOf(session), "stdout")).toEndWith("1019\n1020\n");
});

test("a full disk loses whole records, counts them, and the container goes on", () => {
  using session = new Session();
  using small = session.mountTmpfs("64k");
  using logs = openPath(small.path, 0o200000);
  const script = "seq 20000; echo more >&2; read go; echo again; exit 9";
  const plan = containerPlan(session.scratch, session.lower, {
    arguments: ["sh", "-c", script],
    clients: [{ slot: 2, flags: 1 }],
    stdinOnce: true,
  });
  const { theirs } = session;
  session.executor.start(plan, [logs, session.recordFd, theirs]);
  theirs[Symbol.dispose]();
  session.executor.controller.expect("started");
  const path = join(small.path, readdirSync(small.path)[0] ?? "log.00000000000000000000");
  const deadlineMs = Date.now() + 20_000;
  while (!readdirSync(small.path).some((name) => statSync(join(small.path, name)).size > 40_000)) {
    if (Date.now() > deadlineMs) throw new Error("the log does not fill the disk");
    Bun.sleepSync(5);
  }
  Bun.sleepSync(100);
  const before = parse(readFileSync(path));
  expect(textOf(before, "stdout")).toStartWith("1\n2\n3\n");
  // Room again: what comes is at its right place.
  truncateSync(path, 0);
  writeText(session.client, "x\n");
  expect(session.executor.controller.expect("exited").fields.waitStatus).toBe(9 << 8);
  session.executor.reap();
  const whole = sequence(1, 20_000).length + "more\n".length + "again\n".length;
  const last = readdirSync(small.path)
    .flatMap((name) => parse(readFileSync(join(small.path, name))))
    .at(-1);
  expect(last).toMatchObject({ content: "again\n", end: whole });
}, 60_000);

test("an unfinished line is visible at once", () => {
  using session = new Session();
  session.start({ arguments: ["sh", "-c", "printf 'password: '; read word; echo got $word"] });
  expect(session.readFrame()).toBe("password: ");
  const [prompt] = recordsOf(session);
  expect(prompt).toMatchObject({ content: "password: " });
  writeText(session.client, "x\n");
  session.finish();
  expect(textOf(recordsOf(session), "stdout")).toBe("password: got x\n");
});

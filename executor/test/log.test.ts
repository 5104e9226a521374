import { expect, test } from "bun:test";
import { appendFileSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openPath, writeText } from "./harness.ts";
import { containerPlan } from "./plans.ts";
import { Session } from "./session.ts";

const recordPattern = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (stdout|stderr) ([FP]) (.*)$/;

interface LogRecord {
  readonly time: string;
  readonly stream: string;
  readonly isWhole: boolean;
  readonly content: string;
}

function parse(text: string): LogRecord[] {
  if (text === "") return [];
  expect(text).toEndWith("\n");
  return text
    .slice(0, -1)
    .split("\n")
    .map((line) => {
      const [, time = "", stream = "", tag = "", content = ""] = recordPattern.exec(line) ?? [];
      if (time === "") throw new Error(`no record: ${JSON.stringify(line.slice(0, 200))}`);
      return { time, stream, isWhole: tag === "F", content };
    });
}

/** All log files, oldest first. */
function filesOf(session: Session): string[] {
  const age = (name: string): number => Number(name.slice("log.".length) || 0);
  return readdirSync(session.logDirectory).sort((a, b) => age(b) - age(a));
}

function recordsOf(session: Session): LogRecord[] {
  return filesOf(session).flatMap((name) => parse(readFileSync(join(session.logDirectory, name), "utf8")));
}

function textOf(records: readonly LogRecord[], stream: string): string {
  return records
    .filter((record) => record.stream === stream)
    .map(({ content, isWhole }) => (isWhole ? `${content}\n` : content))
    .join("");
}

test("records carry time, stream and whole lines", () => {
  using session = new Session();
  const before = new Date().toISOString();
  session.start({ arguments: ["sh", "-c", "echo one; echo two >&2; printf 'three\\n\\nfour'"] });
  session.finish();
  const records = recordsOf(session);
  expect(textOf(records, "stdout")).toBe("one\nthree\n\nfour");
  expect(textOf(records, "stderr")).toBe("two\n");
  expect(records.find(({ content }) => content === "four")?.isWhole).toBe(false);
  for (const { time } of records) {
    expect(time.slice(0, 23) >= before.slice(0, 23)).toBe(true);
    expect(time.slice(0, 23) <= new Date().toISOString().slice(0, 23)).toBe(true);
  }
});

test("no output, no file", () => {
  using session = new Session();
  session.start({ arguments: ["true"] });
  session.finish();
  expect(filesOf(session)).toEqual([]);
});

test("long lines are cut into partial records of at most 16 KiB", () => {
  using session = new Session();
  session.start({
    arguments: ["sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x; echo; echo end"],
    ...withZero,
  });
  session.finish();
  const records = recordsOf(session);
  expect(Math.max(...records.map(({ content }) => content.length))).toBeLessThanOrEqual(16 * 1024);
  expect(textOf(records, "stdout")).toBe(`${"x".repeat(100_000)}\nend\n`);
});

/** /dev/zero for tests that need many bytes. */
const withZero = {
  extra: [
    {
      op: "mknod",
      stage: "child",
      fields: { root: 0xffff_ffff, path: "/dev/zero", mode: 0o020666, uid: 0, gid: 0, device: 0x105 },
    },
  ],
} as const;

test("a million numbered lines through small files: no gap, duplicate or torn record", () => {
  using session = new Session();
  const limit = 4_000_000;
  const lines = 1_000_000;
  session.start({ arguments: ["seq", String(lines)], logFileBytes: limit, logFiles: 40, clients: [] });
  session.finishWithoutClient();
  const files = filesOf(session);
  expect(files.length).toBeGreaterThan(10);
  for (const name of files)
    expect(statSync(join(session.logDirectory, name)).size).toBeLessThanOrEqual(limit);
  expect(textOf(recordsOf(session), "stdout") === sequence(1, lines)).toBe(true);
}, 60_000);

function sequence(first: number, last: number): string {
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}\n`).join("");
}

test("tiny files: the newest records survive, whole and in order", () => {
  using session = new Session();
  session.start({ arguments: ["seq", "20000"], logFileBytes: 1000, logFiles: 5, clients: [] });
  session.finishWithoutClient();
  expect(filesOf(session)).toEqual(["log.4", "log.3", "log.2", "log.1", "log"]);
  const text = textOf(recordsOf(session), "stdout");
  const first = Number(text.slice(0, text.indexOf("\n")));
  expect(text).toBe(sequence(first, 20_000));
  for (const name of filesOf(session)) {
    expect(statSync(join(session.logDirectory, name)).size).toBeLessThanOrEqual(1000);
  }
});

test("one file only: it begins anew when it is full", () => {
  using session = new Session();
  session.start({ arguments: ["seq", "5000"], logFileBytes: 2000, logFiles: 1, clients: [] });
  session.finishWithoutClient();
  expect(filesOf(session)).toEqual(["log"]);
  expect(textOf(recordsOf(session), "stdout")).toEndWith("4999\n5000\n");
});

test("a later start goes on in the same file, and repairs a torn last record", () => {
  using session = new Session();
  const path = join(session.logDirectory, "log");
  writeFileSync(path, "2026-01-01T00:00:00.000000000Z stdout F kept\n");
  appendFileSync(path, "2026-01-01T00:00:00.000000000Z stdout F torn of");
  session.start({ arguments: ["echo", "new"] });
  session.finish();
  expect(recordsOf(session).map(({ content }) => content)).toEqual(["kept", "new"]);
});

test("a full disk loses whole records, and the container goes on", () => {
  using session = new Session();
  using small = session.mountTmpfs("64k");
  using logs = openPath(small.path, 0o200000);
  const plan = containerPlan(session.scratch, session.lower, {
    arguments: ["sh", "-c", "seq 20000; exit 9"],
    clients: [],
  });
  session.executor.start(plan, [logs, session.recordFd]);
  session.executor.controller.expect("started");
  expect(session.executor.controller.expect("exited").fields.waitStatus).toBe(9 << 8);
  session.executor.reap();
  const records = parse(readFileSync(join(small.path, "log"), "utf8"));
  expect(records.length).toBeGreaterThan(100);
  expect(textOf(records, "stdout")).toStartWith("1\n2\n3\n");
});

test("an unfinished line is visible at once", () => {
  using session = new Session();
  session.start({ arguments: ["sh", "-c", "printf 'password: '; read word; echo got $word"] });
  expect(session.readFrame()).toBe("password: ");
  const [prompt] = recordsOf(session);
  expect(prompt).toMatchObject({ isWhole: false, content: "password: " });
  writeText(session.client, "x\n");
  session.finish();
  expect(textOf(recordsOf(session), "stdout")).toBe("password: got x\n");
});

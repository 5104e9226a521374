import { expect, test } from "bun:test";
import { closeSync, fstatSync, openSync } from "node:fs";
import { TiffinError } from "../lib/errors.ts";
import { EngineLog, type EngineLogOptions, isJournal } from "./engine-log.ts";

function lines(options: Partial<EngineLogOptions>, write: (log: EngineLog) => void): string[] {
  const said: string[] = [];
  write(
    new EngineLog({
      level: "info",
      format: "text",
      toJournal: false,
      ...options,
      write: (line) => said.push(line),
    }),
  );
  return said;
}
const failure = new TiffinError("conflict", "port.taken", "port 80 is taken\nby another");
const fails = (log: EngineLog): void => log.fail(failure, "a request");

test("a line for people has the code of a failure and the fields, those with blanks in quotes", () => {
  expect(lines({}, (log) => log.say("info", "ready", { host: "unix:///x", root: "/a b" }))).toEqual([
    'tiffin: ready host=unix:///x root="/a b"\n',
  ]);
  expect(lines({}, fails)).toEqual(["tiffin: a request: port 80 is taken\n", "by another [port.taken]\n"]);
});

test("in the journal every line has its priority", () => {
  expect(lines({ toJournal: true }, fails)).toEqual([
    "<3>tiffin: a request: port 80 is taken\n",
    "<3>by another [port.taken]\n",
  ]);
});

test("as JSON it is one document, whatever is in it", () => {
  const [line = ""] = lines({ format: "json" }, fails);
  expect(JSON.parse(line)).toMatchObject({
    level: "error",
    code: "port.taken",
    message: "a request: port 80 is taken\nby another",
  });
});

test("what is less than the level is not said", () => {
  expect(lines({ level: "error" }, (log) => log.say("warn", "careful"))).toEqual([]);
});

test("the journal is the stream that is named, not one that a parent had", () => {
  const fd = openSync("/dev/null", "w");
  const { dev, ino } = fstatSync(fd);
  expect([isJournal(`${dev}:${ino}`, fd), isJournal("1:1", fd), isJournal(undefined, fd)]).toEqual([
    true,
    false,
    false,
  ]);
  closeSync(fd);
});

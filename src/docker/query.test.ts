import { expect, test } from "bun:test";
import { TiffinError } from "../lib/errors.ts";
import {
  decodeQuery,
  encodeQuery,
  parseQuery,
  queryCells,
  queryFilters,
  queryFlag,
  queryInteger,
  queryList,
  queryTail,
  queryText,
  queryTime,
} from "./query.ts";
import { routes } from "./routes.ts";

test.each([
  ["1", true],
  ["true", true],
  ["yes", true],
  ["anything", true],
  ["", false],
  ["0", false],
  ["False", false],
  [" no ", false],
  ["none", false],
])("flag %j is %j", (raw, value) => {
  expect(queryFlag.decode(raw, "all")).toBe(value);
});

test("a text with a NUL is refused", () => {
  expect(() => decodeQuery({ path: queryText }, parseQuery("path=a%00b"))).toThrow(
    'invalid query parameter path: found "a\\u0000b", wanted text without a NUL character',
  );
});

test("a parameter that is not there stays away, the first of two counts, unknown ones are ignored", () => {
  expect(decodeQuery(routes.containerList.query, parseQuery("all=1&all=0&nonsense=%zz"))).toEqual({
    all: true,
  });
  expect(decodeQuery(routes.containerList.query, parseQuery(""))).toEqual({});
});

test("filters in both of Docker's forms", () => {
  const decode = (raw: string) => queryFilters.decode(raw, "filters");
  expect(decode('{"status":["running","paused"]}')).toEqual({ status: ["running", "paused"] });
  expect(decode('{"status":{"running":true,"paused":false}}')).toEqual({ status: ["running"] });
  expect(decode("")).toEqual({});
});

test.each([
  ["{", "invalid query parameter filters: not JSON"],
  ["[]", "invalid query parameter filters: found a list, wanted an object"],
  ['{"a":"b"}', 'invalid query parameter filters["a"]: found "b", wanted a list of text'],
  ['{"a":[1]}', 'invalid query parameter filters["a"][0]: found 1, wanted text'],
])("filters %s", (raw, message) => {
  expect(() => queryFilters.decode(raw, "filters")).toThrow(
    new TiffinError("invalid", "api.body-invalid", message),
  );
});

test("numbers", () => {
  expect(queryInteger.decode("-1", "t")).toBe(-1);
  for (const raw of ["", "1.5", "x", "1e3", "9999999999999999999"]) {
    expect(() => queryInteger.decode(raw, "t")).toThrow(TiffinError);
  }
  expect(queryCells.decode("65535", "h")).toBe(65_535);
  for (const raw of ["65536", "-1", "+1"]) expect(() => queryCells.decode(raw, "h")).toThrow(TiffinError);
  expect(queryTail.decode("all", "tail")).toBeUndefined();
  expect(queryTail.decode("-5", "tail")).toBeUndefined();
  expect(queryTail.decode("0", "tail")).toBe(0);
});

test("times keep their nanoseconds", () => {
  expect(queryTime.decode("1767323045.000000001", "since")).toBe(1_767_323_045_000_000_001n);
  expect(queryTime.decode("1767323045", "since")).toBe(1_767_323_045_000_000_000n);
  expect(queryTime.decode("0", "since")).toBeUndefined();
  expect(queryTime.decode("", "since")).toBeUndefined();
  expect(() => queryTime.decode("yesterday", "since")).toThrow(TiffinError);
  expect(queryTime.encode(5n)).toBe("0.000000005");
  for (const time of [1n, 1_767_323_045_000_000_001n]) {
    expect(queryTime.decode(queryTime.encode(time), "since")).toBe(time);
  }
});

test("what is written is read back", () => {
  const logs = { follow: true, stdout: false, since: 12_345_678_901n, tail: 10 };
  expect(
    decodeQuery(routes.containerLogs.query, parseQuery(encodeQuery(routes.containerLogs.query, logs))),
  ).toEqual(logs);
  const listed = { all: true, filters: { label: ["a=b&c", "ü"] } };
  expect(
    decodeQuery(routes.containerList.query, parseQuery(encodeQuery(routes.containerList.query, listed))),
  ).toEqual(listed);
});

test("a parameter that takes all its values gets them in order, others the first", () => {
  const shape = { names: queryList(queryText), one: queryText };
  const raw = parseQuery("names=a&one=1&names=b%2Fc&one=2&__proto__=x");
  expect(decodeQuery(shape, raw)).toEqual({ names: ["a", "b/c"], one: "1" });
  expect(encodeQuery(shape, { names: ["a", "b/c"], one: "1" })).toBe("names=a&names=b%2Fc&one=1");
  expect(decodeQuery(shape, parseQuery("two=2"))).toEqual({});
});

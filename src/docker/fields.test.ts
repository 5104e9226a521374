import { describe, expect, test } from "bun:test";
import { fieldPaths, isZero, valuesAt } from "./field-paths.ts";
import { connectFields, createFields, execFields, fieldJudge } from "./fields.ts";
import { containerCreateBody } from "./types/container.ts";
import { execCreateBody } from "./types/exec.ts";
import { networkConnectBody } from "./types/network.ts";

describe("the table of fields", () => {
  test("has a row for every field that the decoders take, and for no other", () => {
    expect(Object.keys(createFields).toSorted()).toEqual(fieldPaths(containerCreateBody).toSorted());
    expect(Object.keys(connectFields).toSorted()).toEqual(fieldPaths(networkConnectBody).toSorted());
    expect(Object.keys(execFields).toSorted()).toEqual(fieldPaths(execCreateBody).toSorted());
  });

  test("names a reason for every field that does nothing", () => {
    for (const field of Object.values(createFields)) {
      if (field.does === "recorded" || field.does === "ignored") expect(field.why).not.toBe("");
      if (field.does === "refused" || field.does === "warned") expect(field.message("x")).not.toBe("");
    }
  });
});

test("paths reach into lists and maps, and own properties only", () => {
  expect(valuesAt("a[].b{}.c")({ a: [{ b: { x: { c: 1 }, y: { c: 2 } } }, { b: null }] })).toEqual([1, 2]);
  expect(valuesAt("a.toString")({ a: {} })).toEqual([]);
  expect([0, 0n, "", null, undefined, false, [], {}].every(isZero)).toBe(true);
  expect([1, 1n, " ", true, [0], { a: 0 }].some(isZero)).toBe(false);
});

test("a judge refuses, warns once for one reason, and lets what is done anyway pass", () => {
  const judge = fieldJudge(createFields);
  expect(judge({ HostConfig: { Isolation: "default", Links: [] } })).toEqual({
    refusal: undefined,
    warnings: [],
  });
  expect(judge({ HostConfig: { CpuCount: 1, Isolation: "hyperv" } })).toEqual({
    refusal: {
      path: "HostConfig.Isolation",
      kind: "invalid",
      message: "invalid isolation (hyperv): linux only supports 'default'",
    },
    warnings: ["CpuCount has no effect on Linux. Limitation discarded."],
  });
});

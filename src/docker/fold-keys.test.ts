import { expect, test } from "bun:test";
import { anything, integer, list, mapOf, nullable, object, optional, text } from "./decode.ts";
import { foldKeys } from "./fold-keys.ts";

const inner = object({ Name: text, Size: optional(integer) });
const outer = object({
  Image: text,
  HostConfig: optional(inner),
  Mounts: optional(list(inner)),
  Endpoints: optional(nullable(mapOf(inner))),
  Free: optional(anything),
});

test("keys are written as the decoder has them, at every depth, and those of maps stay as they are", () => {
  const given = {
    image: "a",
    hostconfig: { NAME: "b", size: 1 },
    MOUNTS: [{ name: "c" }, { Name: "d" }],
    endpoints: { Front: { nAmE: "e" } },
    free: { Name: 1, name: 2 },
    unknown: { name: 1 },
  };
  expect(foldKeys(given, outer)).toEqual({
    Image: "a",
    HostConfig: { Name: "b", Size: 1 },
    Mounts: [{ Name: "c" }, { Name: "d" }],
    Endpoints: { Front: { Name: "e" } },
    Free: { Name: 1, name: 2 },
    unknown: { name: 1 },
  });
});

test("of two keys that are one field the last counts, as in Go", () => {
  expect(foldKeys({ Name: "a", name: "b" }, inner)).toEqual({ Name: "b" });
  expect(foldKeys({ name: "a", Name: "b" }, inner)).toEqual({ Name: "b" });
});

test("a document that is written right is the same one; what is none, and hostile names, stay data", () => {
  const right = { Image: "a", HostConfig: { Name: "b" }, Mounts: [{ Name: "c" }] };
  expect(foldKeys(right, outer)).toBe(right);
  for (const value of [null, 7, "text", [1], undefined]) expect(foldKeys(value, outer)).toEqual(value);
  const hostile: unknown = JSON.parse('{"__proto__": {"Name": "x"}, "image": "a"}');
  const folded = foldKeys(hostile, outer);
  expect(Object.entries(folded ?? {})).toEqual([
    ["__proto__", { Name: "x" }],
    ["Image", "a"],
  ]);
});

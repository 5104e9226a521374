import { expect, test } from "bun:test";
import type { Call } from "../handler.ts";
import { sessionBuildOf, uploadedFor } from "./buildkit.ts";

type Query = Call<"build">["query"];
const attributes = (query: Query): Record<string, string> =>
  Object.fromEntries(sessionBuildOf(query).attributes);

test("a request becomes attributes of the Dockerfile's frontend", () => {
  expect(
    attributes({
      dockerfile: "D",
      target: "t",
      platform: "linux/arm64",
      nocache: true,
      pull: true,
      networkmode: "host",
      extrahosts: ["a:10.0.0.1", "b:::1"],
      shmsize: 1024,
      cachefrom: ["r/a", "r/b"],
      buildargs: { A: "1" },
      labels: { l: "x" },
      remote: "https://example.com/x.git#main",
    }),
  ).toEqual({
    filename: "D",
    target: "t",
    platform: "linux/arm64",
    "no-cache": "",
    "image-resolve-mode": "pull",
    "force-network-mode": "host",
    "add-hosts": "a=10.0.0.1,b=::1",
    "shm-size": "1024",
    "cache-from": "r/a,r/b",
    "build-arg:A": "1",
    "label:l": "x",
    context: "https://example.com/x.git#main",
  });
});

test("the client's own context is no address", () => {
  expect(attributes({ remote: "client-session" })).toEqual({});
  expect(sessionBuildOf({ remote: "upload-request", buildid: "b" })).toMatchObject({
    uploaded: true,
    id: "b",
  });
  expect(uploadedFor({ buildid: "upload-request:b" })).toBe("b");
  expect(uploadedFor({ buildid: "b" })).toBeUndefined();
});

test("without outputs it is an image with the tags; with one, that", () => {
  const exporters = (query: Query) =>
    sessionBuildOf(query).exporters.map(({ type, attributes: own }) => [type, Object.fromEntries(own)]);
  expect(exporters({ t: ["a", "", "b:1"] })).toEqual([["moby", { name: "a,b:1" }]]);
  expect(exporters({ outputs: '[{"Type":"local","Attrs":{}}]' })).toEqual([["local", {}]]);
  expect(exporters({ outputs: '[{"Type":"docker"}]', t: ["a"] })).toEqual([["moby", { name: "a" }]]);
  expect(() => exporters({ outputs: '[{"Type":"a"},{"Type":"b"}]' })).toThrow("multiple outputs");
});

test("a network that steps cannot have is refused", () => {
  expect(() => attributes({ networkmode: "container:x" })).toThrow(
    expect.objectContaining({ code: "build.network" }),
  );
});

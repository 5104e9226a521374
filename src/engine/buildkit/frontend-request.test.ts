import { expect, test } from "bun:test";
import { csvFields, requestOf } from "./frontend-request.ts";

const rest = { entitlements: [], cacheFrom: [], cacheTo: [], outputs: [] };
const request = (attributes: Record<string, string>) => requestOf(new Map(Object.entries(attributes)), rest);

test("attributes of the Dockerfile's frontend become a request", () => {
  expect(
    request({
      filename: "lunch/Dockerfile",
      target: "soup",
      "build-arg:A": "1",
      "build-arg:B": "",
      "label:course": "first",
      platform: "linux/amd64,linux/arm64",
      "image-resolve-mode": "pull",
      "force-network-mode": "host",
      "add-hosts": "a=10.0.0.1,b=::1",
      "shm-size": "1024",
      ulimit: "nofile=10:20,core=0",
      "cgroup-parent": "/lunch",
      "cache-from": "r/a,r/b",
      "cache-imports": '[{"Type":"registry","Attrs":{"ref":"r/c"}},{"Type":"gha","Attrs":{}}]',
      "something-new": "x",
    }),
  ).toEqual({
    dockerfile: "lunch/Dockerfile",
    target: "soup",
    arguments: { A: "1", B: "" },
    labels: { course: "first" },
    platforms: ["linux/amd64", "linux/arm64"],
    noCache: false,
    noCacheStages: [],
    pull: true,
    run: {
      NetworkMode: "host",
      ExtraHosts: ["a:10.0.0.1", "b:::1"],
      ShmSize: 1024,
      CgroupParent: "/lunch",
      Ulimits: [
        { Name: "nofile", Soft: 10, Hard: 20 },
        { Name: "core", Soft: 0, Hard: 0 },
      ],
    },
    ...rest,
    cacheFrom: [
      { kind: "registry", reference: "r/a" },
      { kind: "registry", reference: "r/b" },
      { kind: "registry", reference: "r/c" },
    ],
  });
});

test("no cache at all, and none for some stages", () => {
  expect(request({ "no-cache": "" })).toMatchObject({ noCache: true, noCacheStages: [] });
  expect(request({ "no-cache": "a,b" })).toMatchObject({ noCache: false, noCacheStages: ["a", "b"] });
  expect(request({})).toMatchObject({ noCache: false, noCacheStages: [] });
});

const wrong: readonly Record<string, string>[] = [
  { "force-network-mode": "container:x" },
  { "add-hosts": "a" },
  { "shm-size": "1e9" },
  { ulimit: "nofile" },
  { "cache-imports": "{" },
  { "cache-imports": "{}" },
  { "cache-imports": "[1]" },
  { "add-hosts": 'a="b' },
];
for (const attributes of wrong) {
  test(`${JSON.stringify(attributes)} is refused`, () => {
    expect(() => request(attributes)).toThrow(expect.objectContaining({ code: "buildkit.attribute" }));
  });
}

test("lists with commas may have quotes", () => {
  expect(csvFields('a,"b,""c""",d')).toEqual(["a", 'b,"c"', "d"]);
  expect(csvFields("")).toEqual([]);
});

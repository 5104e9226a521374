import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { messageOf } from "../lib/errors.ts";
import { configSchema, fromDockerConfig, readConfigFile } from "./config-file.ts";
import { settingNames, settings } from "./daemon-options.ts";
import { daemonFlags, parseDaemonWords } from "./daemon-words.ts";

const directory = mkdtempSync("/tmp/tiffin-test-config-");
const file = `${directory}/tiffin.json`;
afterAll(() => rmSync(directory, { recursive: true }));

function read(text: string) {
  writeFileSync(file, text);
  return readConfigFile(file);
}

function complaint(work: () => unknown): string {
  try {
    work();
    return "none";
  } catch (thrown) {
    return messageOf(thrown).replaceAll(file, "FILE");
  }
}

const everything = {
  $schema: "https://example.org/tiffin.schema.json",
  root: "/a",
  run: "/b",
  host: "unix:///c",
  "unpacked-limit": 1000,
  "insecure-registries": ["one:5000", "10.0.0.0/8"],
  "registry-mirrors": ["https://mirror.example"],
  "publish-mode": "socket",
  icc: false,
  runtimes: { youki: { path: "/usr/bin/youki", runtimeArgs: [] } },
  "default-runtime": "youki",
  "default-address-pools": [{ base: "10.10.0.0/16", size: 24 }],
  "metrics-addr": "[::1]:9323",
  "otlp-endpoint": "http://collector:4318",
  "log-level": "info",
  "log-format": "json",
  "tcp-hosts": ["tcp://0.0.0.0:2376"],
  tlsverify: true,
  tlscacert: "/ca.pem",
  tlscert: "/cert.pem",
  tlskey: "/key.pem",
  "unauthenticated-tcp": true,
};

test("every option has a key, and both mean the same", () => {
  const words = [
    ["--root", "/a"],
    ["--run=/b"],
    ["-H", "unix:///c"],
    ["--unpacked-limit", "1000"],
    ["--insecure-registry", "one:5000", "--insecure-registry", "10.0.0.0/8"],
    ["--registry-mirror", "https://mirror.example"],
    ["--publish-mode", "socket"],
    ["--icc=false"],
    ["--add-runtime", "youki=/usr/bin/youki", "--default-runtime", "youki"],
    ["--default-address-pool", "base=10.10.0.0/16,size=24"],
    ["--metrics-addr", "[::1]:9323", "--otlp-endpoint=http://collector:4318"],
    ["-l", "info", "--log-format", "json"],
    ["-H", "tcp://0.0.0.0:2376"],
    ["--tlsverify", "--tlscacert", "/ca.pem", "--tlscert", "/cert.pem", "--tlskey", "/key.pem"],
    ["--unauthenticated-tcp", "true"],
  ].flat();
  const found = read(JSON.stringify(everything));
  expect(parseDaemonWords(words).given).toEqual(found);
  expect(Object.keys(found).sort()).toEqual([...settingNames].sort());
});

test("the schema and the help know every setting", () => {
  const schema = JSON.stringify(configSchema());
  for (const name of settingNames) {
    expect(schema).toContain(`${JSON.stringify(settings[name].key)}:{`);
    expect(daemonFlags).toHaveProperty(settings[name].flag);
  }
});

describe("what is wrong in the file is named", () => {
  test.each([
    ['{"registry-miror": []}', 'FILE: unknown key "registry-miror"; did you mean "registry-mirrors"?'],
    ['{"__proto__": 1}', 'FILE: unknown key "__proto__"; known are root, run, host, '],
    ['{"icc": "false"}', 'FILE: icc needs true or false, found "false"'],
    ['{"root": "here"}', 'FILE: root needs an absolute path, found "here"'],
    ['{"root": null}', "FILE: root needs an absolute path, found null"],
    ['{"registry-mirrors": "https://x"}', 'FILE: registry-mirrors needs a list, found "https://x"'],
    [
      '{"registry-mirrors": ["https://x", 5]}',
      "FILE: registry-mirrors[1] needs an address such as https://mirror.example, found 5",
    ],
    [
      '{"runtimes": {"tiffin": {"path": "/x"}}}',
      'FILE: runtimes has the name "tiffin", which no runtime can have',
    ],
    [
      '{"runtimes": {"youki": {"pth": "/x"}}}',
      'FILE: unknown key "pth" in runtimes.youki; did you mean "path"?',
    ],
    ['{"runtimes": {"youki": {}}}', "FILE: runtimes.youki.path needs a path, found nothing"],
    [
      '{"runtimes": {"youki": {"path": "/x", "runtimeArgs": "-v"}}}',
      'FILE: runtimes.youki.runtimeArgs needs a list of words, found "-v"',
    ],
    ['{"publish-mode": "natt"}', 'FILE: publish-mode needs nat or socket, found "natt"'],
    ['{"unpacked-limit": 1.5}', "FILE: unpacked-limit needs a number of bytes, found 1.5"],
    [
      '{"default-address-pools": [{"base": "10.0.0.0/8", "sise": 24}]}',
      'FILE: unknown key "sise" in a pool of addresses; did you mean "size"?',
    ],
    [
      '{"default-address-pools": [{"base": "ten", "size": 24}]}',
      "FILE: default-address-pools[0] needs a base and a size, such as 10.10.0.0/16 and 24, found an object",
    ],
    ["{", "FILE: no JSON: "],
    ["[]", "FILE: wanted one JSON object"],
  ])("%s", (text, wanted) => {
    expect(complaint(() => read(text))).toStartWith(wanted);
  });

  test("a file that was asked for and is not there", () => {
    expect(complaint(() => readConfigFile(`${file}.none`))).toBe("FILE.none: there is no such file");
  });
});

test("an option that was mistyped is shown the right one", () => {
  expect(complaint(() => parseDaemonWords(["--registry-mirorr", "x"]))).toBe(
    'unknown option "--registry-mirorr"; did you mean "--registry-mirror"?',
  );
});

test("of a daemon.json what is shared is kept, and the rest is named", () => {
  const shared = { icc: false, "registry-mirrors": ["https://mirror.example"] };
  writeFileSync(file, JSON.stringify({ ...shared, "data-root": "/x", "swarm-default": 1 }));
  expect(fromDockerConfig(file)).toEqual({
    document: shared,
    left: [
      '"data-root" is left out: its state stays its own',
      '"swarm-default" is left out: Tiffin has no such setting',
    ],
  });
});

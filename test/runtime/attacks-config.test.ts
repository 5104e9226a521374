/**
 * Configurations, ids and command lines that nobody sane writes. Each works or ends with one clear error, and then
 * nothing is left. What single fields may hold is tried in src/plan/hostile-spec.test.ts.
 */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Outcome } from "../support/outcome.ts";
import { until } from "../support/until.ts";
import { Bundle, groupsNamed, shell, specOf } from "./bundle.ts";
import { eachRuntime, runtimes } from "./runtimes.ts";

const ours = runtimes.find(({ name }) => name === "tiffin")?.path;
const mayRun = ours !== undefined && process.geteuid?.() === 0;
const longestErrorBytes = 5000;

/** One line that a person can read, and no trace of the container. */
function expectRefused(bundle: Bundle, told: Outcome, words: string | RegExp): void {
  expect({ code: told.code, stdout: told.stdout }).toEqual({ code: 1, stdout: "" });
  expect(told.stderr).toStartWith("tiffin-runtime: ");
  expect(told.stderr).toMatch(words);
  expect(told.stderr.length).toBeLessThan(longestErrorBytes);
  expect(told.stderr.trimEnd().split("\n")).toHaveLength(1);
  expectNothingLeft(bundle);
}

function expectNothingLeft(bundle: Bundle): void {
  expect(groupsNamed(bundle.id)).toEqual([]);
  let left: string[] = [];
  try {
    left = readdirSync(bundle.root);
  } catch {
    // Nothing was ever made there.
  }
  expect(left).toEqual([]);
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(bundle.directory);
}

function writeConfig(bundle: Bundle, content: string | Uint8Array): void {
  writeFileSync(join(bundle.path, "config.json"), content);
}

const good = JSON.stringify(specOf(["/bin/echo", "fine"]));
/** `good` with more members in front of its own. */
const withMembers = (text: string): string => `{${text},${good.slice(1)}`;
const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

const texts: Readonly<Record<string, readonly [content: string | Uint8Array, words: RegExp]>> = {
  "an empty file": ["", /config\.json is not JSON/],
  "a byte of zero after the document": [`${good}\0`, /config\.json is not JSON/],
  "bytes that are not UTF-8 in a name": [
    latin1(good.replace("box", "b\xff\xfe")),
    /config\.json is not JSON/,
  ],
  "a cut document": [good.slice(0, -1), /config\.json is not JSON/],
  "two documents": [`${good}${good}`, /config\.json is not JSON/],
  "a list 200,000 levels deep": [
    withMembers(`"annotations":${"[".repeat(200_000)}${"]".repeat(200_000)}`),
    /config\.json|annotations/,
  ],
  "objects 200,000 levels deep": [
    withMembers(`"annotations":${'{"a":'.repeat(200_000)}1${"}".repeat(200_000)}`),
    /config\.json|annotations/,
  ],
  "a number beyond every range": [good.replace('"uid":0', '"uid":1e400'), /process\.user\.uid/],
  "a number of a million digits": [
    good.replace('"uid":0', `"uid":${"9".repeat(1_000_000)}`),
    /process\.user\.uid/,
  ],
  "an escaped NUL in the host name": [good.replace('"box"', '"b\\u0000x"'), /hostname/],
  "a member __proto__ instead of a root": [good.replace('"root"', '"__proto__"'), /root/],
};

for (const [name, [content, words]] of Object.entries(texts)) {
  test.skipIf(!mayRun)(`refused: ${name}`, async () => {
    await using bundle = new Bundle(ours ?? "");
    writeConfig(bundle, content);
    expectRefused(bundle, await bundle.call("run", bundle.id), words);
  });
}

const { linux } = specOf([]);
const values: Readonly<Record<string, readonly [change: object, words: RegExp]>> = {
  "a host name of 65 bytes": [{ hostname: "h".repeat(65) }, /hostname/i],
  "an argument of 2 MiB": [specOf(["/bin/echo", "x".repeat(2 ** 21)]), /process\.args|too long|at most/i],
  "an argument of 200 kB, which the kernel does not take": [
    specOf(["/bin/echo", "x".repeat(200_000)]),
    /too long/i,
  ],
  "an environment of 9 MB": [
    specOf(["/bin/true"], { env: Array.from({ length: 9000 }, (_, at) => `V${at}=${"x".repeat(1000)}`) }),
    /too long/i,
  ],
  "a program name of 5,000 bytes": [specOf([`/bin/${"x".repeat(5000)}`]), /too long/i],
  "an empty program name": [specOf([""]), /not found|no such file/i],
  "a working directory of 5,000 bytes": [
    specOf(["/bin/true"], { cwd: `/${"x/".repeat(2500)}` }),
    /too long/i,
  ],
  "100,000 groups": [
    specOf(["/bin/true"], {
      user: { uid: 0, gid: 0, additionalGids: Array.from({ length: 100_000 }, (_, at) => at) },
    }),
    /additionalGids/,
  ],
  "a mount option with the name of a descriptor": [
    {
      mounts: [
        { destination: "/o", type: "overlay", source: "o", options: ["lowerdir={slot:7}/a:{slot:7}/b"] },
      ],
    },
    /mounts\[0\]/,
  ],
  "a mount option of 300 bytes": [
    { mounts: [{ destination: "/o", type: "tmpfs", source: "o", options: [`size=${"1".repeat(300)}`] }] },
    /too long|mounts\[0\]/i,
  ],
  "a cgroups path that leads upwards": [{ linux: { ...linux, cgroupsPath: "/../../tmp" } }, /cgroupsPath/],
  "a cgroups path of 5,000 bytes": [
    { linux: { ...linux, cgroupsPath: `/t-${"x".repeat(5000)}` } },
    /cgroupsPath/,
  ],
  "a page size that leads out of the group": [
    { linux: { ...linux, resources: { hugepageLimits: [{ pageSize: "/../../../../tmp/x", limit: 1 }] } } },
    /pageSize/,
  ],
  "a sysctl that leads upwards": [
    { linux: { ...linux, sysctl: { "net/../kernel/core_pattern": "x" } } },
    /sysctl/,
  ],
  "a namespace path that is no namespace": [
    { linux: { namespaces: [{ type: "mount" }, { type: "network", path: "/proc/self/exe" }] } },
    /namespace|network/i,
  ],
  "a namespace path of another kind": [
    { linux: { namespaces: [{ type: "mount" }, { type: "network", path: "/proc/1/ns/uts" }] } },
    /namespace|network/i,
  ],
};

for (const [name, [change, words]] of Object.entries(values)) {
  test.skipIf(!mayRun)(`refused: ${name}`, async () => {
    await using bundle = new Bundle(ours ?? "");
    bundle.configure({ ...specOf(["/bin/true"]), ...change });
    expectRefused(bundle, await bundle.call("run", bundle.id), words);
  });
}

test.skipIf(!mayRun)("no error gives orders to the terminal that it is shown on", async () => {
  await using bundle = new Bundle(ours ?? "");
  const orders = "\x1b]0;title\x07\x1b[2J\nroot:\x9b31m\r";
  const spec = specOf(["/bin/true"]);
  const documents = [
    specOf([`/bin/${orders}`]),
    specOf(["/bin/true"], { cwd: `/${"x".repeat(300)}${orders}` }),
    { ...spec, linux: { ...linux, cgroupsPath: `/../${orders}` } },
    { ...spec, mounts: [{ destination: "/m", type: orders, source: "m" }] },
    { ...spec, root: { path: orders } },
  ];
  for (const document of documents) {
    bundle.configure(document);
    const told = await bundle.call("run", bundle.id);
    expectRefused(bundle, told, /./);
    expect(told.stderr.trimEnd()).not.toMatch(/\p{Cc}/u);
  }
});

const ids: readonly string[] = [
  "",
  ".",
  "..",
  "/",
  "a/b",
  "../x",
  "x".repeat(1024),
  "-x",
  "--",
  "@seccomp",
  "a b",
  "a\nb",
  "h\u00e4",
  "\u202ea",
  "%s%n",
];

test.skipIf(!mayRun)("refused: ids that are no names, by every command", async () => {
  await using bundle = new Bundle(ours ?? "");
  bundle.configure(specOf(["/bin/true"]));
  for (const id of ids) expectRefused(bundle, await bundle.call("run", id), "");
  for (const words of [
    ["create"],
    ["start"],
    ["state"],
    ["kill"],
    ["delete", "--force"],
    ["pause"],
    ["ps"],
  ]) {
    const told = await bundle.call(...words, "../../etc/passwd");
    expectRefused(bundle, told, /invalid container ID format/);
  }
});

eachRuntime("odd documents that are right work", async (bundle) => {
  // As in the other runtimes, of two members with one name the last counts.
  writeConfig(bundle, good.replace('"hostname":"box"', '"hostname":"first","hostname":"box"'));
  expect(await bundle.call("run", bundle.id)).toMatchObject({ code: 0, stdout: "fine\n" });
  writeConfig(bundle, withMembers('"__proto__":{"process":null},"constructor":{"prototype":1},"x":[[[[]]]]'));
  expect(await bundle.call("run", bundle.id)).toMatchObject({ code: 0, stdout: "fine\n" });
});

eachRuntime(
  "half of a surrogate pair arrives as the character for unknown ones",
  async (bundle) => {
    writeConfig(bundle, good.replace('"fine"', '"\\ud800!"'));
    expect(await bundle.call("run", bundle.id)).toMatchObject({ code: 0, stdout: "\ufffd!\n" });
  },
  { except: { crun: "1.8 puts a question mark there; the specification says nothing" } },
);

eachRuntime("annotations of 9 MB and 2,000 variables work, and the state has them all", async (bundle) => {
  const env = ["PATH=/bin", ...Array.from({ length: 2000 }, (_, at) => `V${at}=${at}`)];
  const annotations = Object.fromEntries(
    Array.from({ length: 900 }, (_, at) => [`a${at}`, "x".repeat(10_000)]),
  );
  const told = await bundle.create({ ...shell("env | grep -c ^V", { env }), annotations });
  expect(told).toMatchObject({ code: 0, stderr: "" });
  expect((await bundle.state())["annotations"]).toEqual(annotations);
  expect((await bundle.start()).code).toBe(0);
  await until("its end", async () => (await bundle.status()) !== "running");
  expect(bundle.output()).toBe("2000\n");
});

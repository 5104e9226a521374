/**
 * Every file that somebody writes for the engine or the command line to obey, and every way in which it can be wrong: one error that
 * begins with the file's name and says what was found and what was wanted.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { prepareTcp } from "../../src/api/mod.ts";
import { ConfigFile } from "../../src/cli/registry/config-file.ts";
import { fakeIo } from "../../src/cli/testing/fake-io.ts";
import { ContextStore } from "../../src/client/contexts.ts";
import { parseReference } from "../../src/docker/reference.ts";
import { seccompCompiler } from "../../src/engine/container/security/seccomp.ts";
import { deviceEdits } from "../../src/engine/container/start/device-edits.ts";
import { registryCertificates } from "../../src/engine/registry/certificates.ts";
import { tomlHosts } from "../../src/engine/registry/hosts-toml.ts";
import { configuredPlaces } from "../../src/engine/registry/registries-conf.ts";
import { VolumePlugins } from "../../src/engine/volume/plugins.ts";
import { probe } from "../../src/kernel/probe.ts";
import { TiffinError } from "../../src/lib/errors.ts";
import { fromDockerConfig, readConfigFile } from "../../src/main/config-file.ts";
import { tiffinCommand } from "../support/engine-harness.ts";
import { outcomeOf } from "../support/outcome.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { makeCertificates } from "../support/test-certificates.ts";

const directory = temporaryDirectory("configuration");
const at = (name: string): string => join(directory.path, name);
const deviceFile = `/var/run/cdi/configuration-${process.pid}.json`;
const deviceSheet = deviceFile.replace(/json$/, "yaml");
const device = `configuration-${process.pid}.test/card=one`;
// SHA-256 of "kitchen".
const contextDirectory = `contexts/meta/${new Bun.CryptoHasher("sha256").update("kitchen").digest("hex")}`;

/** Content, and what the error says beside the file's name. */
type Fault = readonly [content: string, ...says: readonly string[]];

interface Row {
  readonly name: string;
  readonly path: string;
  readonly read: () => unknown;
  readonly right: string;
  readonly unknownKey?: Fault;
  readonly wrongType?: Fault;
  readonly twice?: Fault;
  readonly comment?: Fault;
  /** Undefined: an empty one says nothing, and that is right. */
  readonly empty?: readonly string[];
  /** Is obeyed by root. */
  readonly trusted: boolean;
  /** Read by the command line through its own doors, which wait for pipes. */
  readonly isCallers?: boolean;
}

mkdirSync(at("made"));
const server = makeCertificates(at("made"));
const pem = readFileSync(server.certificate, "utf8");
const jsonComment = "found a comment, which JSON does not have";
const kinds = `${JSON.stringify(device.slice(0, device.indexOf("=")))}`;
const devices = `[{"name":"one","containerEdits":{"env":["A=b"]}}]`;

const rows: readonly Row[] = [
  {
    name: "tiffin.json",
    path: at("tiffin.json"),
    read: () => readConfigFile(at("tiffin.json")),
    right: '{"icc": false}',
    unknownKey: ['{"icd": false}', 'unknown key "icd"; did you mean "icc"?'],
    wrongType: ['{"icc": "no"}', 'icc needs true or false, found "no"'],
    twice: [
      '{"icc": true,\n "icc": false}',
      'line 2, column 2: key "icc" is there twice, the first in line 1',
    ],
    comment: ['{\n  // closed\n  "icc": false}', `line 2, column 3: ${jsonComment}`],
    trusted: true,
  },
  {
    name: "daemon.json",
    path: at("daemon.json"),
    read: () => fromDockerConfig(at("daemon.json")),
    right: '{"icc": false}',
    wrongType: ['{"icc": 1}', "icc needs true or false, found 1"],
    twice: ['{"icc": true, "icc": false}', 'key "icc" is there twice'],
    comment: ["# mine\n{}", `line 1, column 1: ${jsonComment}`],
    trusted: false,
  },
  {
    name: "the command line's config.json",
    path: at("config.json"),
    read: () => {
      const env = { DOCKER_CONFIG: directory.path };
      return ConfigFile.read({ ...fakeIo({ env }), readFile: (path) => readFileSync(path) });
    },
    right: '{"auths": {"r.example": {"auth": "YTpi"}}, "of another program": 1}',
    unknownKey: ['{"credStore": "pass"}', 'unknown key "credStore"; did you mean "credsStore"?'],
    wrongType: ['{"auths": {"r.example": {"auth": 5}}}', 'auths["r.example"].auth: found 5, wanted text'],
    twice: ['{"auths": {}, "auths": {}}', 'key "auths" is there twice'],
    comment: ['{"auths": {} /* none */}', jsonComment],
    trusted: false,
    isCallers: true,
  },
  {
    name: "a context",
    path: at(`${contextDirectory}/meta.json`),
    read: () => new ContextStore(directory.path).get("kitchen"),
    right: '{"Name": "kitchen", "Metadata": {}, "Endpoints": {"docker": {"Host": "unix:///x"}}}',
    unknownKey: ['{"Name": "kitchen", "Endpoint": {}}', 'unknown key "Endpoint"; did you mean "Endpoints"?'],
    wrongType: ['{"Name": 1, "Endpoints": {}}', "Name: found 1, wanted text"],
    twice: ['{"Name": "a", "Name": "b"}', 'key "Name" is there twice'],
    comment: ["// x\n{}", jsonComment],
    empty: ["Name: found nothing, wanted text"],
    trusted: false,
  },
  {
    name: "the current context",
    path: at("tiffin.json"),
    read: () => new ContextStore(directory.path).current(),
    right: '{"currentContext": "kitchen"}',
    unknownKey: ['{"context": "x"}', 'unknown key "context"; known are currentContext'],
    wrongType: ['{"currentContext": ["x"]}', "currentContext: found a list, wanted text"],
    twice: ['{"currentContext": "a", "currentContext": "b"}', "is there twice"],
    comment: ["{} # x", jsonComment],
    trusted: false,
  },
  {
    name: "hosts.toml",
    path: at("r.example/hosts.toml"),
    read: () => tomlHosts([directory.path], "r.example", "https://r.example"),
    right: '[host."https://m.example"]\nskip_verify = true\n',
    unknownKey: [
      '[host."https://m.example"]\nskip_verfy = true\n',
      'unknown key "skip_verfy" in host["https://m.example"]; did you mean "skip_verify"?',
    ],
    wrongType: ['skip_verify = "yes"', 'skip_verify: found "yes", wanted true or false'],
    twice: ["skip_verify = true\nskip_verify = false\n", "Cannot redefine key 'skip_verify'"],
    trusted: true,
  },
  {
    name: "registries.conf",
    path: at("registries.conf"),
    read: () => configuredPlaces([at("registries.conf")], parseReference("r.example/a")),
    right: 'unqualified-search-registries = ["x"]\n[[registry]]\nlocation = "r.example"\n',
    unknownKey: [
      '[[registry]]\nlocation = "r.example"\nblokked = true\n',
      'unknown key "blokked" in registry[0]; did you mean "blocked"?',
    ],
    wrongType: ["[[registry]]\nlocation = 1\n", "registry[0].location: found 1, wanted text"],
    twice: ['[[registry]]\nlocation = "a"\nlocation = "b"\n', "Cannot redefine key 'location'"],
    trusted: true,
  },
  {
    name: "a registry's authority",
    path: at("r.example/ca.crt"),
    read: () => registryCertificates([directory.path], "r.example"),
    right: pem,
    empty: ["there is none in PEM form"],
    trusted: false,
  },
  {
    name: "the engine's certificate",
    path: at("cert.pem"),
    read: () => {
      const tls = { certificate: at("cert.pem"), key: server.key, authority: server.authority };
      return prepareTcp({
        hosts: ["tcp://0.0.0.0:2376"],
        tls,
        unauthenticated: false,
        warn: () => undefined,
      });
    },
    right: pem,
    empty: ["found nothing in PEM form"],
    trusted: true,
  },
  {
    name: "a description of devices",
    path: deviceFile,
    read: () => deviceEdits([device]),
    right: `{"cdiVersion":"0.7.0","kind":${kinds},"devices":${devices}}`,
    unknownKey: [
      `{"cdiVersion":"0.7.0","kind":${kinds},"devices":[{"name":"one","containerEdits":{"envs":[]}}]}`,
      'unknown key "envs" in devices[0].containerEdits; did you mean "env"?',
    ],
    wrongType: [`{"cdiVersion":"0.7.0","kind":5,"devices":${devices}}`, "kind: found 5, wanted text"],
    twice: [`{"kind":"a/b","kind":"a/c"}`, 'key "kind" is there twice'],
    comment: ["{ // x\n}", jsonComment],
    empty: ["cdiVersion: found nothing, wanted text"],
    trusted: true,
  },
  {
    name: "a description of devices in YAML",
    path: deviceSheet,
    read: () => deviceEdits([device]),
    right: `# theirs\ncdiVersion: 0.7.0\nkind: ${kinds}\ndevices: ${devices}\n`,
    unknownKey: [`cdiVersion: 0.7.0\nkinds: ${kinds}\n`, 'unknown key "kinds"; did you mean "kind"?'],
    wrongType: [`cdiVersion: 0.7.0\nkind: [1]\ndevices: []\n`, "kind: found a list, wanted text"],
    empty: ["cdiVersion: found nothing, wanted text"],
    trusted: true,
  },
  {
    name: "a plug-in's description",
    path: at("plugins/kept.json"),
    read: () => new VolumePlugins({ sockets: at("none"), files: [at("plugins")] }).find("kept"),
    right: "",
    unknownKey: ['{"Adr": "unix:///x"}', 'unknown key "Adr"; did you mean "Addr"?'],
    wrongType: ['{"Addr": 1}', "Addr: found 1, wanted text"],
    twice: ['{"Addr": "a", "Addr": "b"}', 'key "Addr" is there twice'],
    comment: ["{ // x\n}", jsonComment],
    empty: ["Addr: found nothing, wanted text"],
    trusted: true,
  },
  {
    name: "a plug-in's address",
    path: at("plugins/kept.spec"),
    read: () => new VolumePlugins({ sockets: at("none"), files: [at("plugins")] }).find("kept"),
    right: "",
    wrongType: ["kitchen", 'found the address "kitchen", wanted unix:///PATH or tcp://HOST:PORT'],
    empty: ['found the address ""'],
    trusted: true,
  },
  {
    name: "a seccomp profile of the engine's machine",
    path: at("profile.json"),
    read: () =>
      seccompCompiler(probe(), directory.path).profile(
        { kind: "profile", profile: at("profile.json") },
        [],
        false,
      ),
    right: '{"defaultAction": "SCMP_ACT_ALLOW", "of a newer version": 1}',
    unknownKey: [
      '{"defaultAction": "SCMP_ACT_ALLOW", "syscals": []}',
      'unknown key "syscals"; did you mean "syscalls"?',
    ],
    wrongType: ['{"defaultAction": 1}', "defaultAction: found 1, wanted text"],
    twice: ['{"syscalls": [], "syscalls": []}', 'key "syscalls" is there twice'],
    comment: ["{ // x\n}", jsonComment],
    empty: ["defaultAction: found nothing, wanted text"],
    trusted: false,
  },
];

async function complaint(row: Row): Promise<string> {
  try {
    await row.read();
    return "none";
  } catch (thrown) {
    if (!(thrown instanceof TiffinError)) throw thrown;
    return `${thrown.message} ${thrown.remedy ?? ""}`;
  }
}

beforeAll(() => {
  mkdirSync(dirname(deviceFile), { recursive: true });
});
afterAll(() => {
  directory[Symbol.dispose]();
  rmSync(deviceFile, { force: true, recursive: true });
  rmSync(deviceSheet, { force: true, recursive: true });
});

const limitBytes = 100 * 1024 * 1024;

/** What stands at the path instead of a file with sense in it, and what is said of it. */
const places: readonly (readonly [string, (path: string) => void, string, "all" | "guarded" | "trusted"])[] =
  [
    ["a directory", (path) => mkdirSync(path), "it is a directory, wanted a file", "all"],
    ["a pipe", (path) => Bun.spawnSync(["mkfifo", path]), "it is a pipe, wanted a file", "guarded"],
    [
      "an endless device",
      (path) => symlinkSync("/dev/zero", path),
      "it is a device, wanted a file",
      "guarded",
    ],
    [
      "a link to nowhere",
      (path) => symlinkSync("nowhere", path),
      "it is a link to nowhere, which is",
      "guarded",
    ],
    // Root may read everything; what the kernel itself refuses nobody may.
    ["unreadable", (path) => symlinkSync("/proc/self/mem", path), "cannot read it: E", "guarded"],
    [
      "as large as no such file",
      (path) => {
        writeFileSync(path, "");
        truncateSync(path, limitBytes);
      },
      `it has ${limitBytes} bytes, wanted at most `,
      "guarded",
    ],
    [
      "no UTF-8",
      (path) => writeFileSync(path, Buffer.from("\n{\xff", "latin1")),
      "line 2: found bytes",
      "all",
    ],
    ["UTF-16", (path) => writeFileSync(path, "\uFEFF{}", "utf16le"), "it is UTF-16, wanted UTF-8", "all"],
    [
      "everybody's to write",
      (path) => {
        writeFileSync(path, "");
        chmodSync(path, 0o666);
      },
      "everybody may write it (mode 0666)",
      "trusted",
    ],
  ];

describe.each(rows.map((row) => [row.name, row] as const))("%s", (_name, row) => {
  beforeEach(() => {
    for (const name of ["tiffin.json", "plugins", "r.example", "contexts", "config.json"])
      rmSync(at(name), { recursive: true, force: true });
    for (const { path } of rows) rmSync(path, { recursive: true, force: true });
    mkdirSync(dirname(row.path), { recursive: true });
  });
  const write = (content: string): void => writeFileSync(row.path, content);
  const faults = Object.entries({
    "a key that is not known": row.unknownKey,
    "a value of another type": row.wrongType,
    "a key that is there twice": row.twice,
    "a comment": row.comment,
  }).flatMap(([what, fault]) => (fault === undefined ? [] : [[what, fault] as const]));

  const rightOnes = row.right === "" ? [] : [row.right];
  test.each(rightOnes)(
    "is read when it is right, with a mark of the encoding before it too",
    async (right) => {
      write(right);
      expect(await complaint(row)).toBe("none");
      write(`\uFEFF${right}`);
      expect(await complaint(row)).toBe("none");
    },
  );

  test.each(faults)("%s", async (_what, [content, ...says]) => {
    write(content);
    const text = await complaint(row);
    for (const words of [row.path, ...says]) expect(text).toContain(words);
    expect(text).not.toContain("\n");
  });

  test("without a word in it", async () => {
    write("\n");
    const text = await complaint(row);
    for (const words of row.empty === undefined ? ["none"] : [row.path, ...row.empty])
      expect(text).toContain(words);
  });

  const met = places.filter(
    ([, , , who]) =>
      who === "all" || (who === "guarded" && row.isCallers !== true) || (who === "trusted" && row.trusted),
  );
  test.each(met)("%s", async (_what, make, says) => {
    make(row.path);
    const text = await complaint(row);
    expect(text).toContain(row.path);
    expect(text).toContain(says);
  });
});

describe("an engine that cannot be has touched nothing, and says so in one line with 125", () => {
  const refused = async (...words: readonly string[]): Promise<string> => {
    const root = ["--root", at("root"), "--run", at("run")];
    const argv = tiffinCommand("daemon", ...root, ...words);
    const { code, stdout, stderr } = await outcomeOf(Bun.spawn(argv, { stdout: "pipe", stderr: "pipe" }));
    expect({ code, stdout, lines: stderr.split("\n").length }).toEqual({ code: 125, stdout: "", lines: 2 });
    expect([existsSync(at("root")), existsSync(at("run"))]).toEqual([false, false]);
    return stderr;
  };
  test("by its file", async () => {
    writeFileSync(at("tiffin.json"), '{"log-levle": "info"}');
    const said = await refused("--config", at("tiffin.json"), "--host", `unix://${at("socket")}`);
    expect(said).toBe(
      `tiffin daemon: ${at("tiffin.json")}: unknown key "log-levle"; did you mean "log-level"? (check it with: tiffin daemon --validate)\n`,
    );
  });
  test("by what stands where its socket belongs", async () => {
    writeFileSync(at("socket"), "");
    expect(await refused("--host", `unix://${at("socket")}`)).toContain("it exists and is no socket");
    const argv = tiffinCommand("-H", `unix://${at("socket")}`, "ps");
    const asked = await outcomeOf(Bun.spawn(argv, { stdout: "pipe", stderr: "pipe" }));
    expect(asked.code).toBe(1);
    expect(asked.stderr).toContain("it is no socket, wanted the socket of an engine");
  });
  test("by its address", async () => {
    expect(await refused("--host", "kitchen")).toContain('found "kitchen"');
  });
});

import { describe, expect, test } from "bun:test";
import { TiffinError } from "../../lib/errors.ts";
import { limitDocumentBytes } from "./json.ts";
import { decodeProcess } from "./process.ts";
import { decodeResources } from "./resources.ts";
import { decodeRuntimeSpec } from "./runtime-spec.ts";

const encoder = new TextEncoder();

function decode(document: unknown): ReturnType<typeof decodeRuntimeSpec> {
  return decodeRuntimeSpec(
    encoder.encode(typeof document === "string" ? document : JSON.stringify(document)),
  );
}

/** The message of the error that `document` causes. */
function refusal(document: unknown): string {
  try {
    decode(document);
  } catch (thrown) {
    if (!(thrown instanceof TiffinError)) throw thrown;
    expect([thrown.kind, thrown.code]).toEqual(["invalid", "oci.invalid-document"]);
    return thrown.message;
  }
  throw new Error("nothing was thrown");
}

const process = { user: { uid: 0, gid: 0 }, args: ["sh"], cwd: "/" };
const least = { ociVersion: "1.0.0", process, root: { path: "rootfs" } };

describe("config.json", () => {
  test("a small one is kept as it is", () => {
    expect(decode(least)).toEqual(least);
  });

  test("unknown fields are ignored and null means absent", () => {
    const more = { ...least, windows: {}, hostname: null, linux: { namespaces: null, sysctl: { a: null } } };
    expect(decode(more)).toEqual({ ...least, linux: { sysctl: {} } });
  });

  test("every 1.x version is accepted, no other", () => {
    for (const ociVersion of ["1.0.0", "1.0.2-dev", "1.2.1", "1.3.0", "1.99.0+x"]) {
      expect(decode({ ...least, ociVersion }).ociVersion).toBe(ociVersion);
    }
    for (const ociVersion of ["2.0.0", "1.0", "0.9.9", "1.0.0 "]) {
      expect(refusal({ ...least, ociVersion })).toBe(
        `invalid ociVersion: found ${JSON.stringify(ociVersion)}, wanted a version 1.x.y`,
      );
    }
  });

  test("errors name the field, what was found and what was wanted", () => {
    const cases: readonly [unknown, string][] = [
      [[], "invalid the document: found a list, wanted an object"],
      [{ ...least, process: { ...process, args: "sh" } }, 'invalid process.args: found "sh", wanted a list'],
      [
        { ...least, process: { ...process, args: ["a", 1] } },
        "invalid process.args[1]: found 1, wanted text",
      ],
      [
        { ...least, process: { ...process, user: { gid: 0 } } },
        "invalid process.user.uid: found nothing, wanted a value",
      ],
      [
        { ...least, process: { ...process, user: { uid: 2 ** 32 - 1, gid: 0 } } },
        "invalid process.user.uid: found 4294967295, wanted a whole number from 0 to 4294967294",
      ],
      [
        { ...least, process: { ...process, user: { uid: -1, gid: 0 } } },
        "invalid process.user.uid: found -1, wanted a whole number from 0 to 4294967294",
      ],
      [
        { ...least, process: { ...process, cwd: "relative" } },
        'invalid process.cwd: found "relative", wanted an absolute path',
      ],
      [
        { ...least, process: { ...process, env: ["A=\0"] } },
        'invalid process.env[0]: found "A=\\u0000", wanted text without NUL characters',
      ],
      [
        { ...least, process: { ...process, oomScoreAdj: 1001 } },
        "invalid process.oomScoreAdj: found 1001, wanted a whole number from -1000 to 1000",
      ],
      [
        { ...least, linux: { namespaces: [{ type: "pids" }] } },
        'invalid linux.namespaces[0].type: found "pids", wanted one of pid, network, mount, ipc, uts, user, cgroup, time',
      ],
      [{ ...least, linux: { sysctl: { "a.b": 1 } } }, 'invalid linux.sysctl["a.b"]: found 1, wanted text'],
      [
        { ...least, linux: { resources: { memory: { limit: 1.5 } } } },
        "invalid linux.resources.memory.limit: found 1.5, wanted a whole number from -9223372036854775808 to 9223372036854775807",
      ],
      [
        { ...least, linux: { resources: { devices: [{ allow: true, access: "rx" }] } } },
        'invalid linux.resources.devices[0].access: found "rx", wanted letters of rwm',
      ],
      [
        { ...least, mounts: [{ source: "/a" }] },
        "invalid mounts[0].destination: found nothing, wanted a value",
      ],
      [
        { ...least, hooks: { prestart: [{ path: "hook" }] } },
        'invalid hooks.prestart[0].path: found "hook", wanted an absolute path',
      ],
    ];
    for (const [document, message] of cases) expect(refusal(document)).toBe(message);
  });

  test("64-bit numbers keep their meaning", () => {
    const text = `{"ociVersion":"1.0.0","process":{"user":{"uid":0,"gid":0},"cwd":"/","rlimits":[
      {"type":"RLIMIT_CORE","soft":9223372036854775807,"hard":18446744073709551615}]},
      "linux":{"seccomp":{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["personality"],
      "action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":18446744073709551615,"op":"SCMP_CMP_EQ"}]}]}}}`;
    const spec = decode(text);
    expect(spec.process?.rlimits?.[0]?.hard).toBe("unlimited");
    expect(spec.linux?.seccomp?.syscalls?.[0]?.args?.[0]?.value).toBe(18446744073709551615n);
    expect(refusal(text.replace("18446744073709551615}]", "18446744073709551616}]"))).toContain(
      "process.rlimits[0].hard: found 18446744073709551616",
    );
  });

  test("a key such as __proto__ stays data", () => {
    const spec = decode('{"ociVersion":"1.0.0","annotations":{"__proto__":"x"}}');
    expect(Object.keys(spec.annotations ?? {})).toEqual(["__proto__"]);
    expect(decode('{"ociVersion":"1.0.0","__proto__":{"hostname":"x"}}').hostname).toBeUndefined();
  });

  test("what is not JSON, not UTF-8 or too large is refused", () => {
    expect(refusal("{")).toStartWith("config.json is not JSON: ");
    expect(() => decodeRuntimeSpec(new Uint8Array([0x22, 0xff, 0x22]))).toThrow("config.json is not JSON");
    expect(() => decodeRuntimeSpec(new Uint8Array(limitDocumentBytes + 1))).toThrow(
      `config.json has ${limitDocumentBytes + 1} bytes, at most ${limitDocumentBytes} are read`,
    );
  });

  test("a relative mount destination is below the root", () => {
    expect(decode({ ...least, mounts: [{ destination: "data" }] }).mounts).toEqual([
      { destination: "/data" },
    ]);
  });
});

test("documents of exec and update are the same objects", () => {
  expect(decodeProcess(encoder.encode(JSON.stringify(process)))).toEqual(process);
  expect(decodeResources(encoder.encode('{"memory":{"limit":-1},"pids":{"limit":10}}'))).toEqual({
    memory: { limit: -1 },
    pids: { limit: 10 },
  });
});

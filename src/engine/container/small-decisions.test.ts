/** Small pure decisions, one table each. */
import { expect, test } from "bun:test";
import { failpointHook } from "./failpoints.ts";
import { restartPauseMs, wantsRestart } from "./life/restart.ts";
import { decodeSeccompProfile } from "./security/seccomp-profile.ts";
import { decodeSecurityOptions } from "./security/security-options.ts";
import { decodeLogLimits } from "./specification/log-limits.ts";
import { statusText, timeText } from "./view/describe.ts";
import { durationText } from "./view/duration-text.ts";

const ending = {
  exitCode: 1,
  oomKilled: false,
  startedAtMs: 0,
  finishedAtMs: 1000,
  error: "",
  requested: false,
};

test("durations are told in Docker's words", () => {
  const minute = 60_000;
  const cases: [number, string][] = [
    [0, "Less than a second"],
    [1000, "1 second"],
    [59_999, "59 seconds"],
    [minute, "About a minute"],
    [2 * minute, "2 minutes"],
    [60 * minute, "About an hour"],
    [47 * 60 * minute, "47 hours"],
    [3 * 24 * 60 * minute, "3 days"],
    [21 * 24 * 60 * minute, "3 weeks"],
    [90 * 24 * 60 * minute, "3 months"],
    [1000 * 24 * 60 * minute, "2 years"],
  ];
  for (const [duration, text] of cases) expect(durationText(duration)).toBe(text);
  expect(statusText({ status: "exited", ending }, 61_000)).toBe("Exited (1) About a minute ago");
  expect(timeText(0)).toBe("0001-01-01T00:00:00Z");
  expect(timeText(1)).toBe("1970-01-01T00:00:00.001000000Z");
});

test("restart policies", () => {
  expect(wantsRestart({ Name: "always" }, { ...ending, exitCode: 0 }, 99)).toBe(true);
  expect(wantsRestart({ Name: "always" }, { ...ending, requested: true }, 0)).toBe(false);
  expect(wantsRestart({ Name: "on-failure" }, { ...ending, exitCode: 0 }, 0)).toBe(false);
  expect(wantsRestart({ Name: "on-failure", MaximumRetryCount: 2 }, ending, 1)).toBe(true);
  expect(wantsRestart({ Name: "on-failure", MaximumRetryCount: 2 }, ending, 2)).toBe(false);
  expect(wantsRestart({ Name: "no" }, ending, 0)).toBe(false);
  expect([0, 1, 5, 50].map(restartPauseMs)).toEqual([100, 200, 3200, 60_000]);
});

test("log limits", () => {
  expect(decodeLogLimits(undefined)).toEqual({ fileBytes: 20 * 1024 * 1024, files: 5 });
  expect(decodeLogLimits({ Type: "none" })).toBeUndefined();
  expect(decodeLogLimits({ Config: { "max-size": "10m", "max-file": "3" } })).toEqual({
    fileBytes: 10 * 1024 * 1024,
    files: 3,
  });
  for (const bad of [{ "max-size": "ten" }, { "max-file": "0" }]) {
    expect(() => decodeLogLimits({ Config: bad })).toThrow("invalid log option");
  }
});

test("security options", () => {
  expect(decodeSecurityOptions([])).toEqual({ noNewPrivileges: false, seccomp: "default" });
  expect(decodeSecurityOptions(["no-new-privileges", "seccomp=unconfined", "label=disable"])).toEqual({
    noNewPrivileges: true,
    seccomp: "unconfined",
  });
  expect(decodeSecurityOptions(["no-new-privileges:false"]).noNewPrivileges).toBe(false);
  expect(() => decodeSecurityOptions(["apparmor=mine"])).toThrow('invalid --security-opt: "apparmor=mine"');
});

test("rules of a Docker seccomp profile depend on capabilities, machine and kernel", () => {
  const rule = (name: string, more: object = {}): object => ({
    names: [name],
    action: "SCMP_ACT_ALLOW",
    ...more,
  });
  const profile = decodeSeccompProfile(
    {
      defaultAction: "SCMP_ACT_ERRNO",
      archMap: [{ architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"] }],
      syscalls: [
        rule("read"),
        rule("mount", { includes: { caps: ["CAP_SYS_ADMIN"] } }),
        rule("bpf", { excludes: { caps: ["CAP_SYS_ADMIN"] } }),
        rule("arm_only", { includes: { arches: ["arm64"] } }),
        rule("newest", { includes: { minKernel: "7.0" } }),
        rule("new", { includes: { minKernel: "4.8" } }),
      ],
    },
    {
      capabilities: ["CAP_SYS_ADMIN"],
      architecture: "amd64",
      ociArchitecture: "SCMP_ARCH_X86_64",
      kernel: { major: 6, minor: 1 },
    },
  );
  expect(profile.syscalls?.flatMap(({ names }) => names)).toEqual(["read", "mount", "new"]);
  expect(profile.architectures).toEqual(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]);
});

test("a failpoint throws at its own name only", () => {
  const hook = failpointHook("create.row");
  expect(() => hook("create.directory")).not.toThrow();
  expect(() => hook("create.row")).toThrow("failpoint create.row");
  expect(() => failpointHook(undefined)("create.row")).not.toThrow();
});

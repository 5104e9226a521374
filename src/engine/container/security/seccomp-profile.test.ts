import { expect, test } from "bun:test";
import { decodeSeccompProfile } from "./seccomp-profile.ts";

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

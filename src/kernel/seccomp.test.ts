import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { type Numbers, numbersFrom } from "../../test/support/random-numbers.ts";
import { TiffinError } from "../lib/errors.ts";
import { capabilityNames, defaultCapabilities } from "../linux/capabilities.ts";
import { errno } from "../linux/errno.ts";
import { boundaryCalls } from "../linux/filter/testing/boundary-calls.ts";
import { filterRunner } from "../linux/filter/testing/run-filter.ts";
import {
  type SeccompArgument,
  type SeccompProfile,
  seccompActions,
  seccompArchitectures,
  seccompFlags,
  seccompOperators,
} from "../linux/seccomp.ts";
import { defaultSeccompProfile } from "../linux/seccomp-default.ts";
import { lateSyscalls } from "../linux/seccomp-prologue.ts";
import { syscallNumbers } from "../linux/syscall-numbers.ts";
import { compileSeccomp } from "./seccomp.ts";
import { translateSeccomp } from "./seccomp-library.ts";

const x86_64 = seccompArchitectures["SCMP_ARCH_X86_64"] ?? 0;
const x86 = seccompArchitectures["SCMP_ARCH_X86"] ?? 0;
const allow = seccompActions["SCMP_ACT_ALLOW"] ?? 0;
const refuse = (number: number): number => (seccompActions["SCMP_ACT_ERRNO"] ?? 0) + number;

/** What the filter returns for a system call. */
const verdict = (
  program: Uint8Array,
  architecture: number,
  number: number,
  args?: readonly bigint[],
): number => filterRunner(program)({ architecture, number, ...(args === undefined ? {} : { args }) });

let directory = "";
beforeAll(() => {
  directory = mkdtempSync("/tmp/tiffin-test-seccomp-");
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const numbers: Readonly<Record<string, number>> = {
  ...syscallNumbers.x86_64,
  ...lateSyscalls,
  clone: 56,
  personality: 135,
  reboot: 169,
  ptrace: 101,
  keyctl: 250,
  add_key: 248,
  kexec_load: 246,
  io_uring_setup: 425,
  userfaultfd: 323,
  swapon: 167,
  nfsservctl: 180,
  vhangup: 153,
  settimeofday: 164,
  init_module: 175,
  open_by_handle_at: 304,
  perf_event_open: 298,
  acct: 163,
  syslog: 103,
  arch_prctl: 158,
};

const call = (program: Uint8Array, name: string, ...args: bigint[]): number =>
  verdict(program, x86_64, numbers[name] ?? -1, args);

describe.skipIf(process.arch !== "x64")("the default profile", () => {
  const program = (): Uint8Array => compileSeccomp(defaultSeccompProfile("x86_64", defaultCapabilities));

  test.each([
    "read",
    "openat",
    "execve",
    "prctl",
    "seccomp",
    "ptrace",
    "fchmodat2",
    "mseal",
    "listmount",
    "arch_prctl",
    "chroot",
    "socketpair",
  ])("%s is allowed", (name) => expect(call(program(), name)).toBe(allow));

  test.each([
    "mount umount2 unshare setns fsopen fsmount move_mount open_tree mount_setattr pivot_root".split(" "),
    "bpf perf_event_open init_module kexec_load reboot swapon acct syslog settimeofday vhangup".split(" "),
    "keyctl add_key userfaultfd io_uring_setup nfsservctl open_by_handle_at sethostname lsm_set_self_attr".split(
      " ",
    ),
  ])("%s and company are refused", (...names) => {
    for (const name of names) expect([name, call(program(), name)]).toEqual([name, refuse(errno.EPERM)]);
  });

  test("clone may not make namespaces, clone3 is as if it did not exist", () => {
    expect(call(program(), "clone", 0x1200011n)).toBe(allow);
    for (const flag of [
      0x20000n,
      0x2000000n,
      0x4000000n,
      0x8000000n,
      0x10000000n,
      0x20000000n,
      0x40000000n,
    ]) {
      expect(call(program(), "clone", flag | 0x11n)).toBe(refuse(errno.EPERM));
    }
    expect(call(program(), "clone3")).toBe(refuse(errno.ENOSYS));
  });

  test("socket families and personalities", () => {
    const closed = [12, 19, 20, 23, 25, 34, 37, 38, 40, 46, 1000];
    for (let family = 0; family < 46; family += 1) {
      const expected = closed.includes(family) ? refuse(errno.EPERM) : allow;
      expect([family, call(program(), "socket", BigInt(family))]).toEqual([family, expected]);
    }
    expect(call(program(), "socket", 1000n)).toBe(refuse(errno.EPERM));
    for (const value of [0n, 8n, 0x20000n, 0x20008n, 0xffffffffn]) {
      expect(call(program(), "personality", value)).toBe(allow);
    }
    expect(call(program(), "personality", 0x40000n)).toBe(refuse(errno.EPERM));
  });

  test("a call that is newer than the profile does not exist; one in the middle is refused", () => {
    expect(verdict(program(), x86_64, 9999)).toBe(refuse(errno.ENOSYS));
    expect(verdict(program(), x86, 9999)).toBe(refuse(errno.ENOSYS));
    // x32 numbers
    expect(verdict(program(), x86_64, 0x4000_0000)).toBe(refuse(errno.ENOSYS));
    expect(call(program(), "open_tree_attr")).toBe(refuse(errno.ENOSYS));
  });

  test("32-bit calls are filtered alike, foreign architectures are killed", () => {
    const i386 = { getpid: 20, mount: 21, mseal: 462 };
    expect(verdict(program(), x86, i386.getpid)).toBe(allow);
    expect(verdict(program(), x86, i386.mseal)).toBe(allow);
    expect(verdict(program(), x86, i386.mount)).toBe(refuse(errno.EPERM));
    expect(verdict(program(), seccompArchitectures["SCMP_ARCH_AARCH64"] ?? 0, 1)).toBe(0);
  });

  test.each([
    ["CAP_SYS_ADMIN", "mount clone3 unshare bpf setns sethostname"],
    ["CAP_SYS_MODULE", "init_module"],
    ["CAP_SYS_TIME", "settimeofday"],
    ["CAP_SYS_BOOT", "reboot"],
    ["CAP_SYS_PACCT", "acct"],
    ["CAP_SYSLOG", "syslog"],
    ["CAP_BPF", "bpf"],
    ["CAP_PERFMON", "perf_event_open"],
    ["CAP_DAC_READ_SEARCH", "open_by_handle_at"],
    ["CAP_SYS_TTY_CONFIG", "vhangup"],
  ])("%s opens %s", (capability, names) => {
    const opened = compileSeccomp(defaultSeccompProfile("x86_64", [...defaultCapabilities, capability]));
    for (const name of names.split(" ")) {
      expect([name, call(opened, name)]).toEqual([name, allow]);
      expect([name, call(program(), name) === allow]).toEqual([name, false]);
    }
  });

  test("some calls stay closed with every capability", () => {
    const all = compileSeccomp(defaultSeccompProfile("x86_64", capabilityNames));
    for (const name of [
      "kexec_load",
      "keyctl",
      "add_key",
      "userfaultfd",
      "pivot_root",
      "swapon",
      "io_uring_setup",
    ]) {
      expect([name, call(all, name)]).toEqual([name, refuse(errno.EPERM)]);
    }
  });
});

/** Of the short program and the one that libseccomp makes. */
function expectLibrarysVerdicts(profile: SeccompProfile, withArguments: readonly string[]): Uint8Array {
  const [long, short] = [translateSeccomp(profile), compileSeccomp(profile)];
  const [runLong, runShort] = [filterRunner(long), filterRunner(short)];
  const asked = withArguments.flatMap((name) => numbers[name] ?? []);
  for (const call of boundaryCalls([long, short], asked)) {
    const [wanted, found] = [runLong(call), runShort(call)];
    if (found !== wanted) expect({ call, found }).toEqual({ call, found: wanted });
  }
  return short;
}

describe.skipIf(process.arch !== "x64")("a program that was made shorter", () => {
  test.each([
    ["the default capabilities", defaultCapabilities],
    ["no capability", []],
    ["all capabilities", capabilityNames],
  ])(
    "with %s the default profile decides as libseccomp's program does, in far fewer instructions",
    (_, given) => {
      const profile = defaultSeccompProfile("x86_64", given);
      const short = expectLibrarysVerdicts(profile, ["clone", "socket", "personality", "read"]);
      expect(short.length / 8).toBeLessThan(300);
    },
  );

  const names = Object.keys(numbers);
  const operators = Object.keys(seccompOperators);

  function randomArguments(pick: Numbers): SeccompArgument[] {
    return Array.from({ length: pick(3) }, () => ({
      index: pick(6),
      value: [pick(4), pick(1 << 16), 2 ** 32 + pick(9), 0xffff_ffff_ffff_ffffn, 0xffff_ffff][pick(5)] ?? 0,
      valueTwo: pick(1 << 16),
      op: operators[pick(operators.length)] ?? "",
    }));
  }

  function randomProfile(pick: Numbers): SeccompProfile {
    const actions = ["ALLOW", "ERRNO", "KILL_PROCESS", "TRAP", "LOG", "TRACE"].map(
      (word) => `SCMP_ACT_${word}`,
    );
    const action = (): string => actions[pick(actions.length)] ?? "";
    const syscalls = Array.from({ length: 1 + pick(12) }, () => {
      const begin = pick(names.length);
      const args = pick(2) === 0 ? randomArguments(pick) : [];
      const own = action();
      const errnoRet = own === "SCMP_ACT_ERRNO" ? { errnoRet: pick(40) } : {};
      return {
        names: names.slice(begin, begin + 1 + pick(args.length > 0 ? 4 : 60)),
        action: own,
        args,
        ...errnoRet,
      };
    });
    const architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"].slice(0, 1 + pick(3));
    return { defaultAction: action(), architectures, syscalls };
  }

  test("decides as libseccomp's does for profiles of every kind", () => {
    const pick = numbersFrom(4242);
    for (let round = 0; round < 40; round += 1) {
      const profile = randomProfile(pick);
      const conditional = (profile.syscalls ?? []).filter(({ args }) => (args ?? []).length > 0);
      expectLibrarysVerdicts(profile, conditional.flatMap((rule) => rule.names).slice(0, 6));
    }
  });
});

describe.skipIf(process.arch !== "x64")("profiles in general", () => {
  test("several conditions on one argument are alternatives, on several arguments they hold together", () => {
    const profile: SeccompProfile = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [
        {
          names: ["ioctl"],
          action: "SCMP_ACT_ERRNO",
          errnoRet: 5,
          args: [
            { index: 1, value: 1, op: "SCMP_CMP_EQ" },
            { index: 1, value: 2, op: "SCMP_CMP_EQ" },
          ],
        },
        {
          names: ["kill"],
          action: "SCMP_ACT_TRAP",
          args: [
            { index: 0, value: 10, op: "SCMP_CMP_GE" },
            { index: 1, value: 0xff00, valueTwo: 0x1200, op: "SCMP_CMP_MASKED_EQ" },
          ],
        },
      ],
    };
    const program = compileSeccomp(profile);
    expect([1n, 2n, 3n].map((request) => call(program, "ioctl", 0n, request))).toEqual([
      refuse(5),
      refuse(5),
      allow,
    ]);
    const trap = seccompActions["SCMP_ACT_TRAP"] ?? 0;
    expect(call(program, "kill", 10n, 0x1234n)).toBe(trap);
    expect(call(program, "kill", 1n << 40n, 0x1234n)).toBe(trap);
    expect(call(program, "kill", 9n, 0x1234n)).toBe(allow);
    expect(call(program, "kill", 10n, 0x1134n)).toBe(allow);
    // Allowing by default, so a new call is none of the profile's business.
    expect(verdict(program, x86_64, 9999)).toBe(allow);
  });

  test.each([
    [{ defaultAction: "SCMP_ACT_NOPE" }, 'seccomp profile: unknown action "SCMP_ACT_NOPE"'],
    [
      { defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_VAX"] },
      'seccomp profile: unknown architecture "SCMP_ARCH_VAX"',
    ],
    [
      {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [
          { names: ["kill"], action: "SCMP_ACT_ERRNO", args: [{ index: 0, value: 1, op: "SCMP_CMP_XX" }] },
        ],
      },
      'seccomp profile: unknown operator "SCMP_CMP_XX"',
    ],
    [
      {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [
          { names: ["kill"], action: "SCMP_ACT_ERRNO", args: [{ index: 6, value: 1, op: "SCMP_CMP_EQ" }] },
        ],
      },
      "seccomp profile: argument index 6, wanted 0 to 5",
    ],
  ])("%j is refused", (profile, message) => {
    let caught: unknown;
    try {
      compileSeccomp(profile);
    } catch (thrown) {
      caught = thrown;
    }
    expect(caught instanceof TiffinError ? [caught.kind, caught.message] : caught).toEqual([
      "invalid",
      message,
    ]);
  });

  test("flags: speculation is left alone unless the profile speaks", () => {
    expect(seccompFlags({ defaultAction: "SCMP_ACT_ALLOW" })).toBe(4);
    expect(seccompFlags({ defaultAction: "SCMP_ACT_ALLOW", flags: [] })).toBe(0);
    expect(seccompFlags({ defaultAction: "SCMP_ACT_ALLOW", flags: ["SECCOMP_FILTER_FLAG_LOG"] })).toBe(2);
    const notify = { names: ["kill"], action: "SCMP_ACT_NOTIFY" };
    expect(seccompFlags({ defaultAction: "SCMP_ACT_ALLOW", flags: [], syscalls: [notify] })).toBe(8);
  });
});

describe("the cache on disk", () => {
  const program = `
    import { compileSeccomp } from ${JSON.stringify(`${import.meta.dir}/seccomp.ts`)};
    const made = compileSeccomp({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["kill"], action: "SCMP_ACT_ERRNO" }] }, process.argv[1]);
    await Bun.write(Bun.stdout, Bun.hash(made).toString());
  `;
  const compiled = async (cache: string): Promise<string> =>
    new Response(Bun.spawn([process.execPath, "-e", program, cache], { stdout: "pipe" }).stdout).text();

  test("another process finds it, and a damaged file is compiled anew", async () => {
    const cache = `${directory}/cache`;
    const first = await compiled(cache);
    const [name] = readdirSync(cache);
    const path = `${cache}/${name}`;
    expect(await compiled(cache)).toBe(first);
    writeFileSync(path, "damaged");
    expect(await compiled(cache)).toBe(first);
    expect(Bun.file(path).size).toBeGreaterThan(32);
    expect(readdirSync(cache)).toEqual([name ?? ""]);
  });

  test("of many programs the last ones are kept", () => {
    const cache = `${directory}/many`;
    const add = (errnoRet: number): void => {
      const rule = { names: ["kill"], action: "SCMP_ACT_ERRNO", errnoRet };
      compileSeccomp({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [rule] }, cache);
    };
    for (let number = 1; number <= 32; number += 1) add(number);
    const first = readdirSync(cache);
    expect(first).toHaveLength(32);
    for (const [second, name] of first.entries()) utimesSync(`${cache}/${name}`, second, second);
    for (let number = 33; number <= 36; number += 1) add(number);
    const left = readdirSync(cache);
    expect(left).toHaveLength(32);
    expect(first.filter((name) => !left.includes(name))).toEqual(first.slice(0, 4));
  });

  test("a directory that cannot be made costs nothing but time", async () => {
    expect(await compiled("/proc/tiffin-none")).not.toBe("");
    expect(existsSync("/proc/tiffin-none")).toBe(false);
  });
});

test("the kernel takes the program and acts by it", async () => {
  const program = `
    import { compileSeccomp } from ${JSON.stringify(`${import.meta.dir}/seccomp.ts`)};
    import { defaultSeccompProfile } from ${JSON.stringify(`${import.meta.dir}/../linux/seccomp-default.ts`)};
    import { addressOf, machine, trySyscall } from ${JSON.stringify(`${import.meta.dir}/syscall.ts`)};
    const filter = compileSeccomp(defaultSeccompProfile(machine, []));
    const descriptor = new DataView(new ArrayBuffer(16));
    descriptor.setUint16(0, filter.length / 8, true);
    descriptor.setBigUint64(8, BigInt(addressOf(filter)), true);
    const results = [trySyscall("prctl", 38, 1, 0, 0, 0), trySyscall("seccomp", 1, 4, new Uint8Array(descriptor.buffer))];
    results.push(trySyscall("unshare", 0x20000), trySyscall("clone3", 0, 0), trySyscall("getpid") > 0 ? 1 : 0);
    await Bun.write(Bun.stdout, results.join(" "));
    process.exit(0);
  `;
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe" });
  expect(await new Response(child.stdout).text()).toBe("0 0 -1 -38 1");
});

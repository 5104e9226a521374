/** `linux.seccomp`: every action, operator, flag and architecture, and what is refused. */
import { expect } from "bun:test";
import { defaultSeccompProfile } from "../../src/linux/seccomp-default.ts";
import type {
  OciSeccomp,
  OciSyscallRule,
  RuntimeSpec,
  SeccompAction,
  SeccompOperator,
} from "../../src/oci/mod.ts";
import { type Bundle, shell, specOf } from "./bundle.ts";
import { eachRuntime } from "./runtimes.ts";

function withFilter(spec: RuntimeSpec, seccomp: Partial<OciSeccomp>): RuntimeSpec {
  return { ...spec, linux: { ...spec.linux, seccomp: { defaultAction: "SCMP_ACT_ALLOW", ...seccomp } } };
}

const mkdirCalls = ["mkdir", "mkdirat"];
const tryMkdir = "mkdir /tmp/x 2>&1; echo $?";

async function outcomeOf(bundle: Bundle, rule: Partial<OciSyscallRule>): Promise<string> {
  const rules = [{ names: mkdirCalls, action: "SCMP_ACT_ERRNO" as SeccompAction, ...rule }];
  const { stdout, stderr } = await bundle.run(withFilter(shell(tryMkdir), { syscalls: rules }));
  return stdout === "" ? stderr : stdout;
}

eachRuntime("each action has its effect", async (bundle) => {
  const wanted: readonly (readonly [Partial<OciSyscallRule>, RegExp])[] = [
    [{ action: "SCMP_ACT_ERRNO" }, /not permitted/],
    [{ action: "SCMP_ACT_ERRNO", errnoRet: 13 }, /Permission denied/],
    [{ action: "SCMP_ACT_TRACE" }, /not implemented/],
    [{ action: "SCMP_ACT_KILL" }, /^(Bad system call.*\n)?159\n$/],
    [{ action: "SCMP_ACT_KILL_PROCESS" }, /^(Bad system call.*\n)?159\n$/],
    [{ action: "SCMP_ACT_TRAP" }, /^(Bad system call.*\n)?159\n$/],
    [{ action: "SCMP_ACT_LOG" }, /^0\n$/],
  ];
  for (const [rule, pattern] of wanted) {
    Bun.spawnSync(["rm", "-rf", `${bundle.rootfs}/tmp/x`]);
    expect(`${rule.action} ${await outcomeOf(bundle, rule)}`).toMatch(
      new RegExp(pattern.source.replace("^", `^${rule.action} `), "s"),
    );
  }
  Bun.spawnSync(["rm", "-rf", `${bundle.rootfs}/tmp/x`]);
  expect(await outcomeOf(bundle, { action: "SCMP_ACT_ALLOW" })).toBe("0\n");
});

eachRuntime(
  "SCMP_ACT_KILL_THREAD is what SCMP_ACT_KILL is",
  async (bundle) => {
    expect(await outcomeOf(bundle, { action: "SCMP_ACT_KILL_THREAD" })).toMatch(/159\n$/);
  },
  { except: { runc: "1.1 does not know this name" } },
);

/** Which of these signals, all without effect, cannot be sent. */
const signals = [17, 18, 23, 28];

eachRuntime("each operator compares as it is named, conditions of a rule hold together", async (bundle) => {
  const refused = async (...args: NonNullable<OciSyscallRule["args"]>): Promise<number[]> => {
    const rule: OciSyscallRule = { names: ["kill"], action: "SCMP_ACT_ERRNO", errnoRet: 5, args };
    const script = signals.map((each) => `kill -${each} $$ 2>/dev/null || echo ${each}`).join("; ");
    const { stdout } = await bundle.run(withFilter(shell(`${script}; true`), { syscalls: [rule] }));
    return stdout
      .trim()
      .split("\n")
      .filter((line) => line !== "")
      .map(Number);
  };
  const wanted: Readonly<Record<Exclude<SeccompOperator, "SCMP_CMP_MASKED_EQ">, readonly number[]>> = {
    SCMP_CMP_NE: [17, 23, 28],
    SCMP_CMP_LT: [17],
    SCMP_CMP_LE: [17, 18],
    SCMP_CMP_EQ: [18],
    SCMP_CMP_GE: [18, 23, 28],
    SCMP_CMP_GT: [23, 28],
  };
  for (const [op, numbers] of Object.entries(wanted)) {
    // A key of the table.
    const operator = op as keyof typeof wanted;
    expect({ op, refused: await refused({ index: 1, value: 18, op: operator }) }).toEqual({
      op,
      refused: [...numbers],
    });
  }
  expect(await refused({ index: 1, value: 1, valueTwo: 1, op: "SCMP_CMP_MASKED_EQ" })).toEqual([17, 23]);
  expect(
    await refused({ index: 0, value: 1, op: "SCMP_CMP_EQ" }, { index: 1, value: 23, op: "SCMP_CMP_EQ" }),
  ).toEqual([23]);
  expect(
    await refused({ index: 0, value: 99, op: "SCMP_CMP_EQ" }, { index: 1, value: 23, op: "SCMP_CMP_EQ" }),
  ).toEqual([]);
});

eachRuntime(
  "flags of the specification are taken",
  async (bundle) => {
    const syscalls = [{ names: mkdirCalls, action: "SCMP_ACT_ERRNO" as const }];
    const all = ["TSYNC", "LOG", "SPEC_ALLOW"].map((name) => `SECCOMP_FILTER_FLAG_${name}`);
    for (const flags of [[], all]) {
      const { stdout } = await bundle.run(withFilter(shell(tryMkdir), { flags, syscalls }));
      expect({ flags, stdout: stdout.includes("not permitted") }).toEqual({ flags, stdout: true });
    }
  },
  { except: { runc: "1.1 does not know all of them" } },
);

eachRuntime("several architectures: those that this machine cannot have do no harm", async (bundle) => {
  const syscalls = [{ names: mkdirCalls, action: "SCMP_ACT_ERRNO" as const }];
  const names = ["X86", "X86_64", "X32", "AARCH64", "ARM"].map((name) => `SCMP_ARCH_${name}`);
  const { stdout } = await bundle.run(withFilter(shell(tryMkdir), { architectures: names, syscalls }));
  expect(stdout).toContain("not permitted");
});

/** Makes a directory by the call of 32-bit programs, which 64-bit ones can make too; ends with what it returned. */
const callBy32 = `__attribute__((naked)) void _start(void) {
  __asm__ volatile(
    "mov $39, %eax; mov $path, %ebx; mov $0755, %ecx; int $0x80;"
    "neg %eax; mov %eax, %edi; mov $60, %eax; syscall;"
    "path: .asciz \\"/tmp/by32\\"");
}`;

const builds32 = process.arch === "x64" && Bun.which("gcc") !== null;

eachRuntime(
  "calls of another architecture of this machine are filtered when it is named, and forbidden when not",
  async (bundle) => {
    if (!builds32) return;
    const source = `${bundle.directory}/call.c`;
    await Bun.write(source, callBy32);
    const made = ["gcc", "-static", "-nostdlib", "-no-pie", "-o", `${bundle.rootfs}/bin/call`, source];
    expect(Bun.spawnSync(made).exitCode).toBe(0);
    const codeWith = async (seccomp: Partial<OciSeccomp>): Promise<number> =>
      (await bundle.run(withFilter(specOf(["/bin/sh", "-c", "call; exit $?"]), seccomp))).code;
    const syscalls = [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO" as const, errnoRet: 13 }];
    const both = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"];
    expect(await codeWith({ architectures: both, syscalls })).toBe(13);
    expect(await codeWith({ architectures: both })).toBe(0);
    expect(await codeWith({ architectures: ["SCMP_ARCH_X86_64"] })).toBe(159);
  },
);

eachRuntime("names of calls that nobody knows do no harm", async (bundle) => {
  const syscalls = [{ names: ["no_such_call", ...mkdirCalls], action: "SCMP_ACT_ERRNO" as const }];
  expect((await bundle.run(withFilter(shell(tryMkdir), { syscalls }))).stdout).toContain("not permitted");
});

eachRuntime("defaultErrnoRet is what a call that no rule names gets", async (bundle) => {
  // Everything that these programs need, and not mkdir.
  const { syscalls: rules = [] } = defaultSeccompProfile("x86_64", ["CAP_SYS_ADMIN"]);
  const names = rules.flatMap((rule) => rule.names).filter((name) => !mkdirCalls.includes(name));
  const seccomp = {
    defaultAction: "SCMP_ACT_ERRNO" as const,
    defaultErrnoRet: 13,
    syscalls: [{ names, action: "SCMP_ACT_ALLOW" as const }],
  };
  expect((await bundle.run(withFilter(shell(tryMkdir), seccomp))).stdout).toContain("Permission denied");
});

const refusals: Readonly<Record<string, Partial<Record<keyof OciSeccomp, unknown>>>> = {
  "an action": { defaultAction: "SCMP_ACT_PERHAPS" },
  "an operator": {
    syscalls: [
      { names: ["kill"], action: "SCMP_ACT_ERRNO", args: [{ index: 0, value: 1, op: "SCMP_CMP_IS" }] },
    ],
  },
  "an architecture": { architectures: ["SCMP_ARCH_ABACUS"] },
  "a flag": { flags: ["SECCOMP_FILTER_FLAG_RED"] },
  "an argument that no call has": {
    syscalls: [
      { names: ["kill"], action: "SCMP_ACT_ERRNO", args: [{ index: 6, value: 1, op: "SCMP_CMP_EQ" }] },
    ],
  },
  "a number for an action that returns none": {
    syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_KILL", errnoRet: 1 }],
  },
  "a rule without names": { syscalls: [{ names: [], action: "SCMP_ACT_ERRNO" }] },
  "questions without somebody to ask": { syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }] },
  "an agent that does not listen": {
    syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }],
    listenerPath: "/nowhere/at/all",
  },
  "metadata without an agent": { listenerMetadata: "words" },
};

eachRuntime(
  "a filter with something that there is not is refused",
  async (bundle) => {
    for (const [what, seccomp] of Object.entries(refusals)) {
      // What the types forbid is the point here.
      bundle.configure(withFilter(specOf(["/bin/true"]), seccomp as Partial<OciSeccomp>));
      const { code } = await bundle.call("run", bundle.id);
      expect({ what, code }).toEqual({ what, code: 1 });
    }
  },
  {
    except: {
      crun: "1.8 lets some of these pass",
      runc: "1.1 lets some of these pass",
    },
  },
);

eachRuntime(
  "a listenerPath without questions is not looked at",
  async (bundle) => {
    const seccomp = { listenerPath: "/nowhere/at/all", listenerMetadata: "words" };
    expect((await bundle.run(withFilter(shell("echo hi"), seccomp))).stdout).toBe("hi\n");
  },
  { except: { crun: "1.8 wants the path of a plug-in" } },
);

eachRuntime(
  "every architecture, flag, action and operator that features names is taken",
  async (bundle) => {
    const { stdout } = await bundle.call("features");
    // A decode border: a document of the specification.
    const { seccomp } = (JSON.parse(stdout) as { linux: { seccomp: Record<string, string[]> } }).linux;
    const { archs = [], supportedFlags = [], operators = [] } = seccomp;
    const args = operators.map((op) => [{ index: 1, value: 99, valueTwo: 99, op: op as SeccompOperator }]);
    const syscalls = args.map((each) => ({ names: ["kill"], action: "SCMP_ACT_ERRNO" as const, args: each }));
    const flags = supportedFlags.filter((flag) => !flag.includes("WAIT_KILLABLE"));
    const spec = withFilter(shell("echo hi"), { architectures: archs, flags, syscalls });
    expect(await bundle.run(spec)).toMatchObject({ code: 0, stdout: "hi\n" });
  },
  { except: { crun: "1.8 has no features command", runc: "1.1 names operators it cannot mix" } },
);

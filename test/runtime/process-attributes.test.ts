/** Limits, scheduling, capabilities and scores of `process`, word by word. */
import { expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OciRlimit } from "../../src/oci/mod.ts";
import { type Bundle, shell, specOf } from "./bundle.ts";
import { eachRuntime } from "./runtimes.ts";

/** Name of the limit -> its line in /proc/PID/limits. */
const limitLines: Readonly<Record<string, string>> = {
  RLIMIT_AS: "Max address space",
  RLIMIT_CORE: "Max core file size",
  RLIMIT_CPU: "Max cpu time",
  RLIMIT_DATA: "Max data size",
  RLIMIT_FSIZE: "Max file size",
  RLIMIT_LOCKS: "Max file locks",
  RLIMIT_MEMLOCK: "Max locked memory",
  RLIMIT_MSGQUEUE: "Max msgqueue size",
  RLIMIT_NICE: "Max nice priority",
  RLIMIT_NOFILE: "Max open files",
  RLIMIT_NPROC: "Max processes",
  RLIMIT_RSS: "Max resident set",
  RLIMIT_RTPRIO: "Max realtime priority",
  RLIMIT_RTTIME: "Max realtime timeout",
  RLIMIT_SIGPENDING: "Max pending signals",
  RLIMIT_STACK: "Max stack size",
};

function hardLimitOfOurs(line: string): number {
  const found = readFileSync("/proc/self/limits", "utf8")
    .split("\n")
    .find((each) => each.startsWith(line));
  const word = found?.slice(line.length).trim().split(/\s+/)[1] ?? "0";
  return word === "unlimited" ? 2 ** 40 : Number(word);
}

eachRuntime("every limit that Linux has is set to exactly what is asked for", async (bundle) => {
  const rlimits = Object.entries(limitLines).map(([type, line]): OciRlimit => {
    const hard = Math.min(hardLimitOfOurs(line), 2 ** 30);
    return { type, hard, soft: Math.max(0, hard - 1) };
  });
  const { stdout } = await bundle.run(specOf(["/bin/cat", "/proc/self/limits"], { rlimits }));
  for (const { type, soft, hard } of rlimits) {
    const line = limitLines[type] ?? "";
    const row = stdout.split("\n").find((each) => each.startsWith(line)) ?? "";
    const [isSoft, isHard] = row.slice(line.length).trim().split(/\s+/);
    expect({ type, soft: isSoft, hard: isHard }).toEqual({ type, soft: String(soft), hard: String(hard) });
  }
});

eachRuntime(
  "a limit twice, or one that is above what the host lets us set, is an error",
  async (bundle) => {
    const twice = { type: "RLIMIT_NOFILE", soft: 10, hard: 10 };
    expect((await bundle.run(shell("true", { rlimits: [twice, twice] }))).code).not.toBe(0);
    // Nobody can have more open files than fs.nr_open.
    const beyond = { type: "RLIMIT_NOFILE", soft: 2 ** 40, hard: 2 ** 40 };
    expect((await bundle.run(shell("true", { rlimits: [beyond] }))).code).not.toBe(0);
  },
  { except: { crun: "1.8 takes the last of two limits", runc: "1.1 takes the last of two limits" } },
);

eachRuntime(
  "capabilities that there are not are a warning, the others are given",
  async (bundle) => {
    const names = ["CAP_KILL", "CAP_TO_FLY"];
    const process = { capabilities: { bounding: names, effective: names, permitted: names } };
    const told = await bundle.run(specOf(["/bin/busybox", "grep", "^CapPrm", "/proc/self/status"], process));
    expect(told).toMatchObject({ code: 0, stdout: "CapPrm:\t0000000000000020\n" });
    expect(told.stderr).toContain("CAP_TO_FLY");
  },
  { except: { crun: "1.8 fails: the specification wants a warning" } },
);

eachRuntime(
  "without capabilities the program has none; set-uid programs gain nothing with noNewPrivileges",
  async (bundle) => {
    const { capabilities: _none, ...process } = specOf([]).process ?? { user: { uid: 0, gid: 0 }, cwd: "/" };
    const args = ["/bin/busybox", "grep", "-E", "^(CapEff|NoNewPrivs)", "/proc/self/status"];
    const spec = { ...specOf(args), process: { ...process, args, noNewPrivileges: true } };
    expect((await bundle.run(spec)).stdout).toBe("CapEff:\t0000000000000000\nNoNewPrivs:\t1\n");
  },
);

eachRuntime("oomScoreAdj is left alone when it is not set", async (bundle) => {
  const own = readFileSync("/proc/self/oom_score_adj", "utf8");
  expect((await bundle.run(specOf(["/bin/cat", "/proc/self/oom_score_adj"]))).stdout).toBe(own);
  expect(
    (await bundle.run(specOf(["/bin/cat", "/proc/self/oom_score_adj"], { oomScoreAdj: 900 }))).stdout,
  ).toBe("900\n");
});

const tooOld = {
  except: { crun: "1.8 is older than this field", runc: "1.1 is older than this field" },
} as const;

/** Policy, nice value and priority as the kernel numbers them. */
async function scheduled(
  bundle: Bundle,
  scheduler: NonNullable<Parameters<typeof specOf>[1]>["scheduler"],
): Promise<string> {
  const args = ["/bin/busybox", "sh", "-c", "cut -d' ' -f18,19,40,41 /proc/self/stat"];
  const { stdout, stderr } = await bundle.run(specOf(args, scheduler === undefined ? {} : { scheduler }));
  return stdout.trim() || stderr;
}

eachRuntime(
  "scheduler: each policy with nice value, priority and flags",
  async (bundle) => {
    expect(await scheduled(bundle, { policy: "SCHED_OTHER", nice: 7 })).toBe("27 7 0 0");
    expect(await scheduled(bundle, { policy: "SCHED_BATCH", nice: 5 })).toBe("25 5 0 3");
    expect(await scheduled(bundle, { policy: "SCHED_IDLE" })).toMatch(/ 0 5$/);
    const resets = { policy: "SCHED_FIFO", priority: 9, flags: ["SCHED_FLAG_RESET_ON_FORK"] };
    for (const [scheduler, wanted] of [
      [{ policy: "SCHED_FIFO", priority: 9 }, "-10 0 9 1"],
      [{ policy: "SCHED_RR", priority: 3 }, "-4 0 3 2"],
      // The shell has been forked from it.
      [resets, "20 0 0 0"],
    ] as const) {
      const told = await scheduled(bundle, scheduler);
      // Some hosts give a group no real time at all.
      if (!told.includes("EPERM")) expect(told).toBe(wanted);
    }
  },
  tooOld,
);

eachRuntime(
  "scheduler: what there is not, or what the kernel refuses, is an error",
  async (bundle) => {
    for (const scheduler of [
      { policy: "SCHED_SOMETIMES" },
      { policy: "SCHED_OTHER", flags: ["SCHED_FLAG_NONE_SUCH"] },
      { policy: "SCHED_ISO" },
      { policy: "SCHED_DEADLINE", runtime: 5, deadline: 4, period: 3 },
      { policy: "SCHED_FIFO", priority: 1000 },
    ]) {
      const { code } = await bundle.run(specOf(["/bin/true"], { scheduler }));
      expect({ scheduler, code }).toEqual({ scheduler, code: 1 });
    }
  },
  tooOld,
);

eachRuntime(
  "ioPriority: each class and its levels; others are errors",
  async (bundle) => {
    const told = async (ioPriority: { readonly class: string; readonly priority: number }): Promise<string> =>
      (await bundle.run(specOf(["/bin/busybox", "ionice", "-p", "1"], { ioPriority }))).stdout.trim();
    expect(await told({ class: "IOPRIO_CLASS_BE", priority: 7 })).toBe("best-effort: prio 7");
    expect(await told({ class: "IOPRIO_CLASS_IDLE", priority: 0 })).toMatch(/^idle/);
    expect(await told({ class: "IOPRIO_CLASS_RT", priority: 2 })).toBe("realtime: prio 2");
    expect(await told({ class: "IOPRIO_CLASS_BE", priority: 8 })).toBe("");
    expect(await told({ class: "IOPRIO_CLASS_NONE_SUCH", priority: 1 })).toBe("");
  },
  tooOld,
);

eachRuntime(
  "execCPUAffinity: the final processors are an exec's, not the main process's",
  async (bundle) => {
    const execCPUAffinity = { initial: "0", final: "0" };
    await bundle.create(specOf(["/bin/sleep", "1000"], { execCPUAffinity }));
    await bundle.start();
    const { pid } = await bundle.state();
    const listOf = (text: string): string => /Cpus_allowed_list:\t(.*)/.exec(text)?.[1] ?? "";
    expect(listOf(readFileSync(`/proc/${pid}/status`, "utf8"))).toBe(
      listOf(readFileSync("/proc/self/status", "utf8")),
    );
    const told = await bundle.call(
      "exec",
      bundle.id,
      "/bin/busybox",
      "grep",
      "Cpus_allowed_list",
      "/proc/self/status",
    );
    expect(listOf(told.stdout)).toBe("0");
    const none = join(bundle.directory, "process.json");
    const process = specOf(["/bin/busybox", "grep", "Cpus_allowed_list", "/proc/self/status"]).process;
    writeFileSync(none, JSON.stringify({ ...process, execCPUAffinity: { final: "nine" } }));
    expect((await bundle.call("exec", "--process", none, bundle.id)).code).not.toBe(0);
  },
  tooOld,
);

eachRuntime(
  "env is what the program sees; args are given as they are; the first is looked up in PATH",
  async (bundle) => {
    const process = { env: ["PATH=/nowhere:/bin", "EMPTY=", "SPACE=a b", "UTF=ü"] };
    const { stdout } = await bundle.run(
      specOf(["sh", "-c", 'printf "%s|" "$EMPTY" "$SPACE" "$UTF" "$1"', "x", "ü \\ '"], process),
    );
    expect(stdout).toBe("|a b|ü|ü \\ '|");
  },
);

eachRuntime("consoleSize without a terminal is ignored", async (bundle) => {
  const { code } = await bundle.run(specOf(["/bin/true"], { consoleSize: { height: 10, width: 10 } }));
  expect(code).toBe(0);
});

eachRuntime(
  "a container can be created without a process, and only its start is an error",
  async (bundle) => {
    const { process: _none, ...spec } = specOf([]);
    bundle.configure(spec);
    expect(await bundle.detached("create", bundle.id)).toMatchObject({ code: 0 });
    expect(await bundle.status()).toBe("created");
    expect((await bundle.start()).code).toBe(1);
    expect(await bundle.status()).toBe("created");
    expect((await bundle.call("kill", bundle.id, "KILL")).code).toBe(0);
  },
  {
    except: {
      crun: "1.8 needs one: the specification wants it only at start",
      runc: "1.1 needs one: the specification wants it only at start",
    },
  },
);

eachRuntime(
  "an exec takes the process that was created, whatever config.json says by then",
  async (bundle) => {
    await bundle.create(specOf(["/bin/sleep", "1000"], { env: ["PATH=/bin", "WHEN=first"] }));
    await bundle.start();
    bundle.configure(
      specOf(["/bin/sleep", "1"], { env: ["PATH=/bin", "WHEN=second"], user: { uid: 5, gid: 5 } }),
    );
    const { stdout } = await bundle.call("exec", bundle.id, "/bin/sh", "-c", "echo $WHEN; id -u");
    expect(stdout).toBe("first\n0\n");
  },
  { except: { runc: "1.1 reads config.json again" } },
);

/**
 * `tiffin-runtime` beside crun and runc: the same root, the same configuration, as the runtime that was called by nobody's
 * engine. "alone" is the same program told to ask no resident helper.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { machine } from "../src/kernel/syscall.ts";
import { defaultSeccompProfile } from "../src/linux/seccomp-default.ts";
import { has } from "./peers.ts";
import {
  type Contestant,
  compare,
  median,
  pauseMs,
  printTimings,
  quantile,
  type Timing,
  timeOnce,
} from "./timing.ts";

const built = join(import.meta.dir, "..", "dist", "tiffin-runtime");
const together = 4;
const containers = 200;
const waves = 5;
const crowds = [1, 100, 1000];

interface Runtime {
  readonly name: string;
  readonly program: string;
  readonly state: string;
  readonly env: Readonly<Record<string, string>>;
}

function runtimesIn(scratch: string): Runtime[] {
  // A file of its own has a helper of its own.
  const program = join(scratch, "tiffin-runtime");
  copyFileSync(built, program);
  const ours = (name: string, wish: string): Runtime => ({
    name,
    program,
    state: join(scratch, `state of ${name}`),
    env: { TIFFIN_RUNTIME_HELPER: wish },
  });
  const peers = ["crun", "runc"].filter((name) => {
    if (!has(name)) console.log(`  ${name}: not on this machine, left out`);
    return has(name);
  });
  return [
    ours("tiffin-runtime", "20"),
    ours("tiffin-runtime alone", "off"),
    ...peers.map((name) => ({ name, program: name, state: join(scratch, `state of ${name}`), env: {} })),
  ];
}

const capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];

function configuration(root: string, args: readonly string[], seccomp: boolean): object {
  const flags = ["nosuid", "noexec", "nodev"];
  return {
    ociVersion: "1.0.2",
    process: {
      user: { uid: 0, gid: 0 },
      args,
      env: ["PATH=/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      noNewPrivileges: true,
    },
    root: { path: root, readonly: true },
    hostname: "bench",
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=65536k"] },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
      },
      {
        destination: "/dev/shm",
        type: "tmpfs",
        source: "shm",
        options: [...flags, "mode=1777", "size=65536k"],
      },
      { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: flags },
      { destination: "/sys", type: "sysfs", source: "sysfs", options: [...flags, "ro"] },
      {
        destination: "/sys/fs/cgroup",
        type: "cgroup",
        source: "cgroup",
        options: [...flags, "relatime", "ro"],
      },
    ],
    linux: {
      resources: { devices: [{ allow: false, access: "rwm" }] },
      namespaces: ["pid", "network", "ipc", "uts", "mount"].map((type) => ({ type })),
      maskedPaths: [
        "/proc/acpi",
        "/proc/kcore",
        "/proc/keys",
        "/proc/timer_list",
        "/proc/scsi",
        "/sys/firmware",
      ],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
      ...(seccomp && { seccomp: defaultSeccompProfile(machine, capabilities) }),
    },
  };
}

function bundleIn(scratch: string, name: string, config: object): string {
  const directory = join(scratch, name);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "config.json"), JSON.stringify(config));
  return directory;
}

const command = ({ name, program, state, env }: Runtime, ...words: string[]): Contestant => ({
  name,
  command: [program, "--root", state, ...words],
  env,
});

function isStopped(runtime: Runtime, id: string): boolean {
  const [program = "", ...words] = command(runtime, "state", id).command;
  const asked = Bun.spawnSync([program, ...words], { env: { ...process.env, ...runtime.env } });
  return asked.stdout.toString().includes('"stopped"');
}

/** create, start and delete of one container, summed; the end of its program in between is waited for untimed. */
function lives(runtimes: readonly Runtime[], bundle: string, rounds: number): Timing[] {
  const samples = runtimes.map((): number[] => []);
  for (let round = -2; round < rounds; round += 1) {
    for (const [index, runtime] of runtimes.entries()) {
      const id = `tiffin-bench-life-${index}`;
      Bun.sleepSync(pauseMs);
      let sum = timeOnce(command(runtime, "create", "--bundle", bundle, id));
      sum += timeOnce(command(runtime, "start", id));
      while (!isStopped(runtime, id)) Bun.sleepSync(5);
      sum += timeOnce(command(runtime, "delete", id));
      if (round >= 0) samples[index]?.push(sum);
    }
  }
  return runtimes.map(({ name }, index) => {
    const values = samples[index] ?? [];
    return {
      name,
      medianMs: median(values),
      minMs: Math.min(...values),
      p90Ms: quantile(values, 0.9),
      rounds,
    };
  });
}

/** Seconds for `containers` runs, `together` at a time. Shells start them: they take less of the processors than we would. */
async function wave(runtime: Runtime, bundle: string): Promise<number> {
  const [program = "", ...words] = command(runtime, "run", "--bundle", bundle).command;
  const script = `i=0; while [ $i -lt ${containers / together} ]; do "$@" $0-$i || exit 1; i=$((i + 1)); done`;
  const began = performance.now();
  const shells = Array.from({ length: together }, (_, number) =>
    Bun.spawn(["sh", "-c", script, `tiffin-bench-${number}`, program, ...words], {
      env: { ...process.env, ...runtime.env },
      stdio: ["ignore", "ignore", "inherit"],
    }),
  );
  const codes = await Promise.all(shells.map((shell) => shell.exited));
  if (codes.some((code) => code !== 0)) throw new Error(`${runtime.name} failed`);
  return (performance.now() - began) / 1000;
}

async function rates(runtimes: readonly Runtime[], bundle: string): Promise<void> {
  const samples = runtimes.map((): number[] => []);
  for (let round = 0; round < waves; round += 1) {
    for (const [index, runtime] of runtimes.entries())
      samples[index]?.push(containers / (await wave(runtime, bundle)));
  }
  console.log(`\n${containers} containers, ${together} at a time (median of ${waves} rounds)`);
  const base = median(samples[0] ?? []);
  for (const [index, { name }] of runtimes.entries()) {
    const rate = median(samples[index] ?? []);
    console.log(
      `  ${name.padEnd(34)}${rate.toFixed(0).padStart(7)} per second   ours / theirs ${(base / rate).toFixed(2)}`,
    );
  }
}

/** What the process of a `run` needs that has made its container and waits for it. */
async function memory(runtimes: readonly Runtime[], bundle: string): Promise<void> {
  console.log("\nmemory of the process of `run`, once its container runs");
  for (const runtime of runtimes) {
    const id = "tiffin-bench-memory";
    const [program = "", ...words] = command(runtime, "run", "--bundle", bundle, id).command;
    const child = Bun.spawn([program, ...words], {
      env: { ...process.env, ...runtime.env },
      stdio: ["ignore", "ignore", "inherit"],
    });
    await Bun.sleep(500);
    const field = (file: string, key: string): string =>
      new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(
        readFileSync(`/proc/${child.pid}/${file}`, "utf8"),
      )?.[1] ?? "?";
    console.log(
      `  ${runtime.name.padEnd(34)} peak ${field("status", "VmHWM")} KB, PSS ${field("smaps_rollup", "Pss")} KB`,
    );
    timeOnce(command(runtime, "kill", id, "KILL"));
    await child.exited;
  }
}

/** The same commands beside many running containers of ours: what one costs should not depend on the others. */
async function crowded(
  [helped, alone, ...peers]: readonly Runtime[],
  plain: string,
  idle: string,
  rounds: number,
): Promise<void> {
  if (helped === undefined || alone === undefined) return;
  const runtimes = [helped, { ...alone, state: helped.state }, ...peers];
  const others: string[] = [];
  const each = async (ids: readonly string[], ...words: string[]): Promise<void> => {
    for (let at = 0; at < ids.length; at += together) {
      const children = ids.slice(at, at + together).map((id) =>
        Bun.spawn([...command(helped, ...words, id).command], {
          env: { ...process.env, ...helped.env },
          stdio: ["ignore", "ignore", "inherit"],
        }),
      );
      await Promise.all(children.map((child) => child.exited));
    }
  };
  try {
    for (const size of crowds) {
      const more = Array.from(
        { length: size - others.length },
        (_, at) => `tiffin-bench-of-many-${others.length + at}`,
      );
      others.push(...more);
      await each(more, "run", "--detach", "--bundle", idle);
      const runs = runtimes.map((runtime, index) =>
        command(runtime, "run", "--bundle", plain, `tiffin-bench-${index}`),
      );
      printTimings(`run of true beside ${size} containers (${rounds} rounds)`, compare(runs, rounds));
      const ours = runtimes.slice(0, 2);
      const states = ours.map((runtime) => command(runtime, "state", others[0] ?? ""));
      printTimings(`state beside ${size} containers (${rounds} rounds)`, compare(states, rounds));
      const lists = ours.map((runtime) => command(runtime, "list"));
      printTimings(`list of ${size} containers (${rounds} rounds)`, compare(lists, rounds));
    }
  } finally {
    await each(others, "delete", "--force");
  }
}

/** All of it. `scratch` is a directory that the caller removes. */
export async function benchRuntime(scratch: string, root: string, rounds: number): Promise<void> {
  const runtimes = runtimesIn(scratch);
  const plain = bundleIn(scratch, "plain", configuration(root, ["true"], false));
  const filtered = bundleIn(scratch, "filtered", configuration(root, ["true"], true));
  const idle = bundleIn(scratch, "idle", configuration(root, ["sleep", "1000"], true));
  // The same id would be the same cgroup.
  const idleOf = (runtime: Runtime): string => `tiffin-bench-idle-${runtimes.indexOf(runtime)}`;
  const onIdle = (word: string, ...words: string[]): Contestant[] =>
    runtimes.map((runtime) => command(runtime, word, idleOf(runtime), ...words));
  for (const [what, bundle] of [
    ["without", plain],
    ["with", filtered],
  ] as const) {
    const runs = runtimes.map((runtime, index) =>
      command(runtime, "run", "--bundle", bundle, `tiffin-bench-${index}`),
    );
    printTimings(`run of true, ${what} a seccomp profile (${rounds} rounds)`, compare(runs, rounds));
    printTimings(
      `create + start + delete, ${what} a seccomp profile (${rounds} rounds)`,
      lives(runtimes, bundle, rounds),
    );
  }
  for (const runtime of runtimes) {
    timeOnce(command(runtime, "run", "--detach", "--bundle", idle, idleOf(runtime)));
  }
  printTimings(`exec of true (${rounds} rounds)`, compare(onIdle("exec", "true"), rounds));
  printTimings(`state (${rounds} rounds)`, compare(onIdle("state"), rounds));
  for (const runtime of runtimes) timeOnce(command(runtime, "delete", "--force", idleOf(runtime)));
  await memory(runtimes, idle);
  await rates(runtimes, plain);
  await crowded(runtimes, plain, idle, rounds);
}

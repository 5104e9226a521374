/**
 * The lane for what this machine's kernel lacks or has beyond others. Tests named `*.v2.test.ts` skip themselves on a
 * host without a pure cgroup v2 hierarchy, so here is where they count; Debian's 6.1 stands for kernels that need the
 * older ways of a plan. Two more machines have systemd as their PID 1, with version 2 and with version 1 beside it. All run
 * at once: emulation leaves a processor idle for much of a boot.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";

const project = join(import.meta.dir, "..", "..");
const possible = process.env["TIFFIN_VM"] !== "1" && process.getuid?.() === 0;
/** They get what the other tests leave of the processors. */
const limitMs = 1_500_000;

const v2Files = [...new Bun.Glob("{src,test}/**/*.v2.test.ts").scanSync(project)].sort();
/** On both, because a plan differs between them. */
const everywhere = [...v2Files, "test/plan/kernel.test.ts", "src/engine/layer/image-layers.test.ts"];
/** Of the OCI runtime; peers prove most cases on the host. */
function runtimeFiles(...names: readonly string[]): string[] {
  return names.map((name) => `test/runtime/${name}.test.ts`);
}

const machines = [
  {
    kernel: "6.12",
    init: "busybox",
    files: [
      ...everywhere,
      "src/kernel/oom-watch.test.ts",
      "test/vm/network-kinds.test.ts",
      "test/scenario/parent-names.test.ts",
      "test/recovery/networks.test.ts",
      "test/runtime/checkpoint.test.ts",
      "test/scenario/limits.test.ts",
      "test/scenario/isolation.test.ts",
    ],
    leastTests: 79,
  },
  {
    kernel: "6.1",
    init: "busybox",
    // Here layers are images by loop devices, and overlays want them attached.
    files: [
      ...everywhere,
      "test/vm/smoke.test.ts",
      "test/scenario/layer-forms.test.ts",
      ...runtimeFiles("cgroups", "linux"),
    ],
    leastTests: 98,
  },
  {
    kernel: "6.12",
    init: "systemd",
    files: [
      "test/vm/service.test.ts",
      ...runtimeFiles(
        "systemd",
        "systemd-user",
        "cgroups",
        "linux",
        "lifecycle",
        "namespaces",
        "apparmor",
        "virtual-links",
      ),
    ],
    leastTests: 75,
  },
  { kernel: "6.1", init: "systemd-hybrid", files: runtimeFiles("systemd", "cgroups"), leastTests: 21 },
] as const;

/** False where there is no such kernel to boot: another distribution, or no way to download one. */
function ready(kernel: string): boolean {
  if (!possible) return false;
  const prepared = Bun.spawnSync(["bash", "test/vm/boot.sh", "--kernel", kernel, "--prepare"], {
    cwd: project,
  });
  return prepared.exitCode === 0 || process.env["MUST_RUN"] === "1";
}

/**
 * The kernel changes its own code while it runs, and an emulator of several processors now and then runs into the byte that is there for the
 * moment. No program of ours can bring that about: the machine is booted once more.
 */
const emulatorFault = "Oops: int3:";

async function boot(kernel: string, init: string, files: readonly string[]) {
  const machine = Bun.spawn(["bash", "test/vm/boot.sh", "--kernel", kernel, "--init", init, ...files], {
    cwd: project,
    env: { ...process.env, TIFFIN_RUNTIMES: "tiffin" },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, errors, status] = await Promise.all([
    new Response(machine.stdout).text(),
    new Response(machine.stderr).text(),
    machine.exited,
  ]);
  return { output, errors, status };
}

for (const { kernel, init, files, leastTests } of machines) {
  test.concurrent.skipIf(!ready(kernel))(
    `what needs another kernel passes on Linux ${kernel} with ${init} (skipped without root or such a kernel)`,
    async () => {
      let { output, errors, status } = await boot(kernel, init, files);
      if (output.includes(emulatorFault)) ({ output, errors, status } = await boot(kernel, init, files));
      const passed = Number(/^ *(\d+) pass$/m.exec(output)?.[1] ?? 0);
      const failed = Number(/^ *(\d+) fail$/m.exec(output)?.[1] ?? -1);
      if (status !== 0 || failed !== 0) throw new Error(`${output.slice(-8000)}\n${errors}`);
      expect(passed).toBeGreaterThanOrEqual(leastTests);
    },
    limitMs,
  );
}

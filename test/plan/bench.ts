/** Runs compiled plans on the real kernel for `kernel.test.ts`: an overlay over busybox, cgroups, the executor. */
import { chownSync, mkdirSync } from "node:fs";
import { attachFlags } from "../../src/abi/schema.ts";
import { openFile, openFlags } from "../../src/kernel/files.ts";
import type { OwnedFd } from "../../src/kernel/owned-fd.ts";
import { openPidfd } from "../../src/kernel/pidfd.ts";
import { createBareMounts, inMounts } from "../../src/kernel/private-mounts.ts";
import { probe } from "../../src/kernel/probe.ts";
import { attach, cloneOf } from "../../src/kernel/root-view.ts";
import { randomHex } from "../../src/lib/ids.ts";
import { UndoStack } from "../../src/lib/undo-stack.ts";
import type { HostFacts } from "../../src/linux/host-facts.ts";
import type { OciProcess, RuntimeSpec } from "../../src/oci/mod.ts";
import { decideContainerCgroups } from "../../src/plan/cgroups.ts";
import { compileContainer } from "../../src/plan/compile-container.ts";
import { compileExec } from "../../src/plan/compile-exec.ts";
import {
  type ContainerOptions,
  type ExecTarget,
  layersSlotName,
  lowerSlotName,
  type Stdio,
} from "../../src/plan/options.ts";
import type { Plan } from "../../src/plan/plan.ts";
import {
  applyHostOps,
  type ExitRecord,
  openCgroupSlots,
  openRuntime,
  type Runtime,
  removeCgroups,
} from "../../src/runtime/mod.ts";
import type { SupervisedProcess } from "../../src/runtime/supervised-process.ts";
import { makeBusyboxRoot } from "../support/busybox-root.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";

const executor = new URL("../../executor/build/tiffin-executor", import.meta.url).pathname;
const output = attachFlags.stdout | attachFlags.stderr;
export const cgroupParent = `/tiffin-test-plan-${randomHex(6)}`;

export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: ExitRecord;
}

/** One container's files: an upper directory over the shared busybox root. */
export class Bench implements AsyncDisposable {
  readonly facts: HostFacts = probe();
  readonly files: TemporaryDirectory = temporaryDirectory("plan");
  readonly runtime: Runtime;
  readonly #undo = new UndoStack();
  readonly #owned: OwnedFd[] = [];
  #namespace: OwnedFd | undefined;

  constructor() {
    mkdirSync(`${this.files.path}/layer`);
    makeBusyboxRoot(`${this.files.path}/layer`);
    this.runtime = openRuntime({ executor, runDirectory: `${this.files.path}/run` });
  }

  get layer(): string {
    return `${this.files.path}/layer`;
  }

  /** Options of a container with a new upper directory, owned by `owner`. */
  options(more: Partial<ContainerOptions> = {}, owner = 0): ContainerOptions {
    const id = randomHex(12);
    const [upper, work] = [`${this.files.path}/${id}-upper`, `${this.files.path}/${id}-work`];
    for (const path of [upper, work]) mkdirSync(path);
    chownSync(upper, owner, owner);
    return {
      id,
      cgroupParent,
      rootfs: { kind: "overlay", lowers: [{ kind: "directory", path: this.layer }], upper, work },
      network: { kind: "host" },
      stdio: { kind: "pipes", stdin: false },
      supervise: { kind: "supervise", stdinOnce: false, oom: true, attachClients: [{ flags: output }] },
      createWorkdir: true,
      ...more,
    };
  }

  /** `facts` may deny what this kernel can, to try the ways of an older one. */
  async start(
    spec: RuntimeSpec,
    options = this.options(),
    facts: HostFacts = this.facts,
  ): Promise<SupervisedProcess> {
    const plan = compileContainer(spec, facts, options);
    applyHostOps(plan, this.facts, this.#undo);
    const fds = openCgroupSlots(plan, this.facts);
    const lowers = options.rootfs.kind === "overlay" ? options.rootfs.lowers : [];
    for (const [index, lower] of lowers.entries()) {
      if (lower.kind !== "image") continue;
      // Any mount that is attached nowhere is to an overlay what a mounted image is.
      if (lower.attached === undefined)
        fds.set(lowerSlotName(index), cloneOf(this.openPath(lower.path), false));
      else this.#attach(lower.path, lower.attached.place);
    }
    const attached = lowers.some((lower) => lower.kind === "image" && lower.attached !== undefined);
    if (attached && this.#namespace !== undefined) fds.set(layersSlotName, this.#namespace.duplicate());
    return await this.#launch(plan, fds);
  }

  /** In the mount namespace that has mounts of these tests `path` is mounted at `place` from now on. */
  #attach(path: string, place: string): void {
    this.#namespace ??= createBareMounts(this.files.path);
    using mount = cloneOf(this.openPath(path), false);
    inMounts(this.#namespace, () => {
      using at = this.openPath(place);
      attach(mount, at);
    });
  }

  /** Runs a container to its end. */
  async run(spec: RuntimeSpec, options = this.options(), facts: HostFacts = this.facts): Promise<Outcome> {
    return await outcomeOf(await this.start(spec, options, facts), options.stdio);
  }

  /** Runs a process in a started container to its end. */
  async exec(
    process: OciProcess,
    container: { readonly pid: number; readonly spec: RuntimeSpec; readonly options: ContainerOptions },
    stdio: Stdio = { kind: "pipes", stdin: false },
  ): Promise<Outcome> {
    const { spec, options, pid } = container;
    const cgroups = decideContainerCgroups(spec.linux?.resources, this.facts, options);
    const target: ExecTarget = {
      id: options.id,
      namespaces: (spec.linux?.namespaces ?? []).map(({ type }) => type),
      cgroupHierarchies: cgroups.v1,
      cgroupV2: cgroups.v2,
      ...(spec.linux?.uidMappings && { uidMappings: spec.linux.uidMappings }),
      ...(spec.linux?.gidMappings && { gidMappings: spec.linux.gidMappings }),
    };
    const plan = compileExec(process, target, this.facts, {
      stdio,
      supervise: { kind: "supervise", stdinOnce: false, attachClients: [{ flags: output }] },
    });
    const fds = openCgroupSlots(plan, this.facts, cgroups.directory ?? undefined);
    const pidfd = openPidfd(pid);
    if (pidfd === undefined) throw new Error("the container has ended");
    fds.set("pidfd", pidfd);
    return await outcomeOf(await this.#launch(plan, fds), stdio);
  }

  async #launch(plan: Plan, fds: Map<string, OwnedFd>): Promise<SupervisedProcess> {
    for (const { name } of plan.receives) {
      if (name.startsWith("idmap:")) fds.set(name, (await this.runtime.userNamespace(name)).duplicate());
      if (name.startsWith("bind:")) throw new Error(`${name} must be given`);
    }
    try {
      return await this.runtime.launch({ plan, fds });
    } finally {
      for (const fd of fds.values()) fd[Symbol.dispose]();
    }
  }

  openPath(path: string): OwnedFd {
    const fd = openFile(undefined, path, openFlags.path);
    this.#owned.push(fd);
    return fd;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const fd of this.#owned) fd[Symbol.dispose]();
    this.#namespace?.[Symbol.dispose]();
    const failures = await this.#undo.unwind();
    await removeCgroups(this.facts, cgroupParent);
    this.runtime.close();
    this.files[Symbol.dispose]();
    if (failures.length > 0) throw new Error(failures.join("; "));
  }
}

/** Waits for the end; with a terminal all output is stdout. */
export async function outcomeOf(process: SupervisedProcess, stdio: Stdio): Promise<Outcome> {
  const bytes = await everything(process);
  const exit = await process.exited;
  process.disconnect();
  if (stdio.kind === "terminal") return { stdout: bytes.toString(), stderr: "", exit };
  const parts: [Buffer[], Buffer[]] = [[], []];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4);
    (bytes[at] === 2 ? parts[1] : parts[0]).push(bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  const [stdout, stderr] = [Buffer.concat(parts[0]).toString(), Buffer.concat(parts[1]).toString()];
  return { stdout, stderr, exit };
}

function everything(process: SupervisedProcess): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  const finish = (): void => resolve(Buffer.concat(chunks));
  const [stream] = process.attachments;
  if (stream === undefined) return Promise.resolve(Buffer.alloc(0));
  stream.listen({
    data(chunk) {
      chunks.push(Buffer.from(chunk));
    },
    end: finish,
    close: finish,
  });
  return promise;
}

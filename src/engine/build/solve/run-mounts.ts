/** The mounts of a step's program as a container has them, and what has to be taken back when it has ended. */
import { chmodSync, chownSync } from "node:fs";
import type { ContainerCreateBody } from "../../../docker/types/container.ts";
import { makeDirectory, openDirectory } from "../../../kernel/files.ts";
import { writeAll } from "../../../kernel/io.ts";
import { changeMode, changeOwner, createFile } from "../../../kernel/tree-writer.ts";
import { listenUnix } from "../../../kernel/unix-listener.ts";
import { joinDuplexes } from "../../../lib/byte-duplex.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { adoptListener } from "../../../transport/tcp.ts";
import { packTree, unpack } from "../../tree/mod.ts";
import type { RunMount, RunProgram } from "../graph/mod.ts";
import { beginningOf } from "./cache-beginning.ts";
import type { CacheMounts } from "./cache-mounts.ts";
import type { StepInputs } from "./files-step.ts";
import type { StepContext } from "./step-context.ts";
import { emptyTree, openTree, type Tree } from "./tree.ts";

type MountRequest = NonNullable<NonNullable<ContainerCreateBody["HostConfig"]>["Mounts"]>[number];

export interface ReadyMounts extends AsyncDisposable {
  readonly mounts: readonly MountRequest[];
  readonly tmpfs: Readonly<Record<string, string>>;
  readonly secretEnvironment: readonly string[];
}

/** Errors: `build.secret`, `build.agent`. Nothing is left of it when it fails. */
export async function readyMounts(
  step: StepContext,
  operation: RunProgram,
  inputs: StepInputs,
  caches: CacheMounts,
): Promise<ReadyMounts> {
  await using undo = new AsyncDisposableStack();
  const work = new MountWork(step, inputs, caches, undo);
  for (const [index, mount] of operation.mounts.entries()) {
    if (index > 0) await work.add(mount, index);
  }
  const secretEnvironment: string[] = [];
  for (const { name, id, required } of operation.secretEnvironment) {
    const secret = await secretOf(step, id, required);
    if (secret !== undefined) secretEnvironment.push(`${name}=${new TextDecoder().decode(secret)}`);
  }
  const held = undo.move();
  return {
    mounts: work.mounts,
    tmpfs: work.tmpfs,
    secretEnvironment,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function secretOf(
  { inputs }: StepContext,
  id: string,
  required: boolean,
): Promise<Uint8Array | undefined> {
  const secret = await inputs.secret(id);
  if (secret === undefined && required) {
    throw new TiffinError("invalid", "build.secret", `secret ${id}: not found`, {
      remedy: `give it with the build: --secret id=${id},src=FILE or --secret id=${id},env=NAME`,
    });
  }
  return secret;
}

class MountWork {
  readonly mounts: MountRequest[] = [];
  readonly tmpfs: Record<string, string> = {};
  readonly #step: StepContext;
  readonly #inputs: StepInputs;
  readonly #caches: CacheMounts;
  readonly #undo: AsyncDisposableStack;

  constructor(step: StepContext, inputs: StepInputs, caches: CacheMounts, undo: AsyncDisposableStack) {
    this.#step = step;
    this.#inputs = inputs;
    this.#caches = caches;
    this.#undo = undo;
  }

  async add(mount: RunMount, index: number): Promise<void> {
    if (mount.kind === "tree") await this.#tree(mount);
    else if (mount.kind === "cache") await this.#cache(mount);
    else if (mount.kind === "tmpfs") {
      this.tmpfs[mount.target] = mount.sizeBytes > 0 ? `exec,size=${mount.sizeBytes}` : "exec";
    } else if (mount.kind === "secret") await this.#secret(mount, index);
    else await this.#agent(mount, index);
  }

  #input(index: number): Tree {
    return index === -1 ? emptyTree : (this.#inputs[index] ?? emptyTree);
  }

  async #tree(mount: Extract<RunMount, { kind: "tree" }>): Promise<void> {
    const tree = this.#input(mount.input);
    if (mount.output > 0) {
      throw new TiffinError(
        "notImplemented",
        "build.mount-output",
        `what a program writes to its mount at ${mount.target} cannot be kept: only its root can`,
      );
    }
    if (!mount.readOnly) {
      // What is written there is nobody's, and goes with the step.
      const copy = this.#step.place.directory();
      await copyTree(this.#step, tree, mount.source, copy);
      this.#bind(`${copy}/content`, mount.target, false);
      return;
    }
    if (tree.kind === "directory") {
      using open = openTree(this.#step.services.layers, tree);
      const path = open.resolved(mount.source);
      using found = open.find(path);
      if (found === undefined) throw new Error(notThere(mount.source));
      this.#bind(path === "" ? tree.path : `${tree.path}/${path}`, mount.target, true);
      return;
    }
    const { snapshots, platform, services } = this.#step;
    {
      using open = openTree(services.layers, tree);
      using found = open.find(mount.source);
      if (found === undefined && open.view !== undefined) throw new Error(notThere(mount.source));
    }
    this.mounts.push({
      Type: "image",
      Source: snapshots.imageOf(tree.chain, platform).id,
      Target: mount.target,
      ReadOnly: true,
      ...(mount.source.replaceAll("/", "") !== "" && {
        ImageOptions: { Subpath: mount.source.replace(/^\/+/, "") },
      }),
    });
  }

  async #cache(mount: Extract<RunMount, { kind: "cache" }>): Promise<void> {
    const tree = this.#input(mount.input);
    const begins = await beginningOf(this.#step, tree, mount.source);
    const held = await this.#caches.hold(
      mount,
      begins,
      async (directory, name) => {
        if ((await this.#step.fillCacheMount?.(name, directory)) === true) return;
        if (mount.input !== -1) await copyInto(this.#step, tree, mount.source, directory);
      },
      this.#step.signal,
    );
    this.#undo.defer(() => held.release());
    this.#bind(held.path, mount.target, mount.readOnly);
  }

  async #secret(mount: Extract<RunMount, { kind: "secret" }>, index: number): Promise<void> {
    const { id, required, target, mode, uid, gid } = mount;
    const content = await secretOf(this.#step, id, required);
    if (content === undefined) return;
    const { directory: path, remove } = this.#step.place.secretDirectory();
    this.#undo.defer(remove);
    const name = `secret-${index}`;
    using directory = openDirectory(path);
    {
      using file = createFile(directory, name);
      writeAll(file, content);
    }
    changeOwner(directory, name, { uid, gid });
    changeMode(directory, name, mode);
    this.#bind(`${path}/${name}`, target, true);
  }

  async #agent(mount: Extract<RunMount, { kind: "ssh" }>, index: number): Promise<void> {
    const { id, required, target, mode, uid, gid } = mount;
    const { inputs, place, services } = this.#step;
    if (!(await inputs.hasAgent(id))) {
      if (!required) return;
      throw new TiffinError("invalid", "build.agent", `ssh agent ${id}: not found`, {
        remedy: `give it with the build: --ssh ${id}`,
      });
    }
    const { directory: path, remove } = place.secretDirectory();
    this.#undo.defer(remove);
    const name = `agent-${index}`;
    const listener = listenUnix(path, name, agentBacklog);
    this.#undo.use(
      adoptListener(listener.take(), (client) => {
        inputs.connectAgent(id).then(
          (agent) => joinDuplexes(client, agent),
          (thrown: unknown) => {
            client.destroy();
            services.report(thrown);
          },
        );
      }),
    );
    // A new directory of the engine's own, which nobody else looks into.
    chownSync(`${path}/${name}`, uid, gid);
    chmodSync(`${path}/${name}`, mode);
    this.#bind(`${path}/${name}`, target, false);
  }

  #bind(source: string, target: string, readOnly: boolean): void {
    this.mounts.push({ Type: "bind", Source: source, Target: target, ReadOnly: readOnly });
  }
}

const agentBacklog = 16;
const contentMode = 0o755;

function notThere(source: string): string {
  return `${JSON.stringify(source)}: not found in what is mounted`;
}

/** To `content` in the directory, which is a directory or a file. */
async function copyTree(step: StepContext, tree: Tree, source: string, into: string): Promise<void> {
  using open = openTree(step.services.layers, tree);
  using found = open.find(source);
  using root = openDirectory(into);
  if (found === undefined) {
    if (source.replaceAll("/", "") !== "") throw new Error(notThere(source));
    makeDirectory("content", contentMode, root);
    return;
  }
  await unpack(packTree(found, "content", { firstHostId: () => 0 }), unpackOptions(root));
}

/** What is in a directory, into another. */
async function copyInto(step: StepContext, tree: Tree, source: string, into: string): Promise<void> {
  using open = openTree(step.services.layers, tree);
  using found = open.find(source);
  if (found === undefined) return;
  if (!found.isDirectory) throw new Error(`${JSON.stringify(source)}: a cache begins with a directory`);
  using root = openDirectory(into);
  await unpack(packTree(found, "", { firstHostId: () => 0 }), unpackOptions(root));
}

function unpackOptions(root: ReturnType<typeof openDirectory>): Parameters<typeof unpack>[1] {
  return {
    root,
    directory: "/",
    keepTypes: false,
    owner: undefined,
    firstHostId: 0,
    whiteouts: false,
  };
}

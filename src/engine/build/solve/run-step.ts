/** `RUN`: a container like any other, whose changes are kept when its program ends well. */
import { FrameDecoder } from "../../../docker/framing.ts";
import type { ByteDuplex } from "../../../lib/byte-duplex.ts";
import { nowMs } from "../../../lib/clock.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { formatPlatform, runsOn } from "../../../oci/mod.ts";
import type { Image } from "../../image/mod.ts";
import { StepFailed } from "../build-error.ts";
import type { RunProgram, Vertex } from "../graph/mod.ts";
import type { CacheMounts } from "./cache-mounts.ts";
import type { StepInputs } from "./files-step.ts";
import { type ReadyMounts, readyMounts } from "./run-mounts.ts";
import { snapshotDocument } from "./snapshots.ts";
import type { StepContext } from "./step-context.ts";
import { emptyTree, openTree } from "./tree.ts";

/** The layers that the root has afterwards. Throws `StepFailed`. */
export async function runStep(
  step: StepContext,
  vertex: Vertex & { readonly operation: RunProgram },
  inputs: StepInputs,
  caches: CacheMounts,
): Promise<readonly string[]> {
  const { operation } = vertex;
  const top = operation.mounts[0];
  if (top?.kind !== "tree" || top.target !== "/") throw new Error("a program without a root");
  const root = top.input === -1 ? emptyTree : (inputs[top.input] ?? emptyTree);
  if (root.kind !== "layers") throw new Error("a program's root has to be layers");
  const image = step.snapshots.imageOf(root.chain, step.platform);
  await using mounts = await readyMounts(step, operation, inputs, caches);
  const name = step.place.containerName();
  const { containers, images } = step.services;
  try {
    await containers.create({ name, body: bodyOf(step, operation, image, mounts) });
    const code = await runToEnd(step, vertex, { name, secretEnvironment: mounts.secretEnvironment });
    step.signal.throwIfAborted();
    if (!(operation.goodCodes ?? [0]).includes(code)) {
      if (step.keepFailed !== undefined) await keep(step, name, operation);
      throw new StepFailed(failureText(operation, code), code);
    }
    const id = await commit(step, name, operation, root.chain);
    const committed = images.byId(id);
    if (committed === undefined) throw new Error(`the files of a step are gone: ${id}`);
    for (const layer of committed.chain) step.hold.keep(layer);
    return committed.chain;
  } catch (thrown) {
    throw foreignProgram(step, thrown);
  } finally {
    await removeQuietly(step, name);
  }
}

/** A program for another machine wants one that runs it here, which nobody would guess from what the kernel says. */
function foreignProgram({ platform, services }: StepContext, thrown: unknown): unknown {
  const isFormat = thrown instanceof TiffinError && thrown.code === "start.program-format";
  if (!isFormat || runsOn(platform, services.host)) return thrown;
  const [wanted, own] = [platform, services.host].map(formatPlatform);
  return new TiffinError(
    thrown.kind,
    thrown.code,
    `${thrown.message}: the step is for ${wanted}, this machine is ${own}`,
    {
      cause: thrown,
      remedy: `register what runs programs for ${wanted} with binfmt_misc, by its flag F (qemu-user-static does), or build such steps on ${own}: FROM --platform=$BUILDPLATFORM`,
    },
  );
}

function failureText({ arguments: words }: RunProgram, code: number): string {
  return `process ${JSON.stringify(words.join(" "))} did not complete successfully: exit code: ${code}`;
}

function bodyOf(
  step: StepContext,
  operation: RunProgram,
  image: Image,
  mounts: ReadyMounts,
): Parameters<StepContext["services"]["containers"]["create"]>[0]["body"] {
  const { network, security, hosts } = operation;
  const { run } = step;
  return {
    Image: image.id,
    Cmd: [...operation.arguments],
    // An empty one takes the image's away.
    Entrypoint: [""],
    // It would be another one each time.
    Env: ["HOSTNAME", ...operation.proxy, ...operation.environment],
    User: operation.user,
    WorkingDir: operation.directory,
    Hostname: operation.hostname ?? "buildkitsandbox",
    Healthcheck: { Test: ["NONE"] },
    AttachStdout: true,
    AttachStderr: true,
    HostConfig: {
      ...run,
      ...(network !== "default" && { NetworkMode: network }),
      ...(hosts.length > 0 && {
        ExtraHosts: [...(run.ExtraHosts ?? []), ...hosts.map(({ name, address }) => `${name}:${address}`)],
      }),
      ...(security === "insecure" && { Privileged: true }),
      Mounts: [...mounts.mounts],
      Tmpfs: { ...mounts.tmpfs },
      LogConfig: { Type: "none" },
    },
  };
}

async function commit(
  step: StepContext,
  name: string,
  operation: RunProgram,
  chain: readonly string[],
): Promise<string> {
  return await step.services.containers.commit(name, {
    ...plainCommit,
    snapshot: {
      document: (layers) => snapshotDocument(layers, step.platform),
      mountPoints: mountPointsOf(step, operation, chain),
    },
  });
}

const plainCommit = {
  repository: "",
  tag: undefined,
  author: "",
  comment: "",
  pause: false,
  config: undefined,
  changes: [],
};

/** Where something was mounted, and all that leads there: what was made for it is no change of the step's. */
function mountPointsOf(
  { services }: StepContext,
  { mounts }: RunProgram,
  chain: readonly string[],
): string[] {
  if (mounts.length < 2) return [];
  using tree = openTree(services.layers, { kind: "layers", chain });
  return mounts.slice(1).flatMap(({ target }) => {
    const parts = tree.resolved(target).split("/");
    return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
  });
}

/** The files of a step that has failed, as an image to look into. */
async function keep(step: StepContext, name: string, operation: RunProgram): Promise<void> {
  const { containers, report } = step.services;
  try {
    await containers.commit(name, {
      ...plainCommit,
      repository: step.keepFailed ?? "",
      comment: "files of a failed step",
      config: {
        Env: [...operation.environment],
        WorkingDir: operation.directory,
        User: operation.user,
        Cmd: ["/bin/sh"],
        Entrypoint: [],
      },
    });
  } catch (thrown) {
    report(thrown);
  }
}

/** A container that is not there any more is what is wanted. */
async function removeQuietly({ services }: StepContext, name: string): Promise<void> {
  const { containers, report } = services;
  try {
    await containers.remove(name, { force: true, volumes: true });
  } catch (thrown) {
    if (!(thrown instanceof Error && "kind" in thrown && thrown.kind === "notFound")) report(thrown);
  }
}

interface RunningStep {
  readonly name: string;
  readonly secretEnvironment: readonly string[];
}

/** The exit code. What the program writes is told as it comes; a client that goes ends it. */
async function runToEnd(
  step: StepContext,
  vertex: Vertex,
  { name, secretEnvironment }: RunningStep,
): Promise<number> {
  const { services, signal } = step;
  const { containers } = services;
  const { stream } = await containers.attach(name, {
    stdin: false,
    stdout: true,
    stderr: true,
    logs: false,
    stream: true,
  });
  const over = told(step, vertex, stream);
  const unending = new AbortController();
  const { exit } = await containers.wait(name, "next-exit", unending.signal);
  const end = (): void => {
    containers.kill(name, "SIGKILL").catch(() => {});
  };
  signal.addEventListener("abort", end);
  try {
    await containers.start(name, secretEnvironment);
    if (signal.aborted) end();
    const { StatusCode } = await exit;
    await over;
    return StatusCode;
  } finally {
    signal.removeEventListener("abort", end);
    unending.abort();
    stream.destroy();
  }
}

function told({ report }: StepContext, { digest }: Vertex, stream: ByteDuplex): Promise<void> {
  const frames = new FrameDecoder({
    part(type, piece) {
      const data = piece.slice();
      report({ kind: "log", vertex: digest, stream: type === 2 ? 2 : 1, data, atMs: nowMs() });
    },
    control() {},
  });
  return new Promise((resolve) => {
    stream.listen({
      data: (chunk) => frames.push(chunk),
      end() {},
      close: () => resolve(),
    });
  });
}

/** `RUN`: a container like any other, whose changes are kept when its program ends well. */
import { FrameDecoder } from "../../docker/framing.ts";
import type { ByteDuplex } from "../../lib/byte-duplex.ts";
import type { Image, ImageConfig } from "../image/mod.ts";
import { StepFailed } from "./build-error.ts";
import { type BuildUnderWay, shortIdLength } from "./build-under-way.ts";

export interface StepCommit {
  readonly config: ImageConfig;
  readonly createdBy: string;
  readonly author: string;
}

export interface ProgramStep {
  readonly command: readonly string[];
  readonly environment: readonly string[];
  readonly config: ImageConfig;
  /** Instead of what the whole build has. */
  readonly network: string | undefined;
  readonly commit: StepCommit;
}

/** The id of the image. Throws `StepFailed`. */
export async function runProgram(build: BuildUnderWay, image: Image, step: ProgramStep): Promise<string> {
  const { context, place, report, request, signal } = build;
  const { containers } = context;
  const name = place.containerName();
  const { config } = step;
  try {
    const { Id } = await containers.create({
      name,
      body: {
        Image: image.id,
        Cmd: [...step.command],
        // An empty one takes the image's away.
        Entrypoint: [""],
        Env: [...step.environment],
        User: config.User ?? "",
        WorkingDir: config.WorkingDir ?? "",
        Healthcheck: { Test: ["NONE"] },
        AttachStdout: true,
        AttachStderr: true,
        HostConfig: {
          ...request.run,
          ...(step.network !== undefined && { NetworkMode: step.network }),
          LogConfig: { Type: "none" },
        },
      },
    });
    const shown = Id.slice(0, shortIdLength);
    report({ stream: ` ---> Running in ${shown}\n` });
    const code = await runToEnd(build, name);
    if (code !== 0) {
      const text = step.command.join(" ");
      throw new StepFailed(`The command '${text}' returned a non-zero code: ${code}`, code);
    }
    signal.throwIfAborted();
    const id = await containers.commit(name, commitOptions(step.commit));
    await containers.remove(name, { force: true, volumes: true });
    report({ stream: `Removing intermediate container ${shown}\n` });
    return id;
  } finally {
    await removeQuietly(build, name);
  }
}

export function commitOptions({
  config,
  createdBy,
  author,
}: StepCommit): Parameters<BuildUnderWay["context"]["containers"]["commit"]>[1] {
  return {
    repository: "",
    tag: undefined,
    author,
    comment: "",
    pause: false,
    config: undefined,
    changes: [],
    exact: { config, createdBy },
  };
}

/** A container that is not there any more is what is wanted. */
export async function removeQuietly({ context }: BuildUnderWay, name: string): Promise<void> {
  const { containers, report } = context;
  try {
    await containers.remove(name, { force: true, volumes: true });
  } catch (thrown) {
    if (!(thrown instanceof Error && "kind" in thrown && thrown.kind === "notFound")) report(thrown);
  }
}

/** The exit code. What the program writes is told as it comes; a client that goes ends it. */
async function runToEnd(build: BuildUnderWay, name: string): Promise<number> {
  const { context, signal } = build;
  const { containers } = context;
  const { stream } = await containers.attach(name, {
    stdin: false,
    stdout: true,
    stderr: true,
    logs: false,
    stream: true,
  });
  const over = told(build, stream);
  const unending = new AbortController();
  const { exit } = await containers.wait(name, "next-exit", unending.signal);
  const end = (): void => {
    containers.kill(name, "SIGKILL").catch(() => {});
  };
  signal.addEventListener("abort", end);
  try {
    await containers.start(name);
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

function told({ report }: BuildUnderWay, stream: ByteDuplex): Promise<void> {
  const decoders = new Map<number, InstanceType<typeof TextDecoder>>();
  const frames = new FrameDecoder({
    part(type, piece) {
      const decoder = decoders.get(type) ?? new TextDecoder();
      decoders.set(type, decoder);
      const text = decoder.decode(piece, { stream: true });
      if (text !== "") report({ stream: text });
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

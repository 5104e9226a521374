/** Further processes in running containers: created, started, resized, inspected; kept a while after their end. */
import { completeDocument, execDocument } from "../../docker/documents.ts";
import {
  execAlreadyRan,
  execAlreadyRunning,
  noExecCommand,
  noSuchExec,
  notRunning,
  pausedBeforeExec,
} from "../../docker/messages.ts";
import type { ExecCreateBody, ExecCreateResponse, ExecInspect } from "../../docker/types/exec.ts";
import type { ExplainResponse, ExplainWishes } from "../../docker/types/explain.ts";
import type { RunExited } from "../../docker/types/run.ts";
import type { ByteDuplex } from "../../lib/byte-duplex.ts";
import { messageOf, TiffinError } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import { signalNumbers } from "../../linux/signals.ts";
import type { SupervisedProcess } from "../../runtime/mod.ts";
import {
  type Container,
  decodeSignal,
  flagsOf,
  isAlive,
  meetingEnd,
  meetingEndOf,
  PendingStream,
  type RunSession,
  refuseNul,
  refuseRestarting,
  type TerminalSize,
  tellEvent,
  validatePath,
  validateStrings,
} from "../container/mod.ts";
import { afterReplyMs } from "../idle-work.ts";
import type { ExecContext } from "./context.ts";
import { EndingStream } from "./ending-stream.ts";
import { explainExec } from "./explain.ts";
import type { Exec, ExecAttachment } from "./model.ts";
import { SpokenStream } from "./spoken-stream.ts";
import { launchExec } from "./start.ts";

/** How long the exit code of an ended exec can be asked for. */
const rememberedMs = 5 * 60_000;

export interface ExecStartOptions {
  readonly consoleSize?: TerminalSize | undefined;
}

/** A started process, with its output in frames. */
export interface OwnProcess {
  readonly stream: ByteDuplex;
  readonly process: SupervisedProcess;
}

export class ExecService {
  readonly #context: ExecContext;
  readonly #execs = new Map<string, Exec>();

  constructor(context: ExecContext) {
    this.#context = context;
    context.events.subscribe((event) => {
      if (event.type === "container" && event.action === "destroy") this.#forgetContainer(event.id);
    });
  }

  /** Errors: `conflict` when the container does not run or is paused, `invalid` without a command. */
  async create(name: string, body: ExecCreateBody): Promise<ExecCreateResponse> {
    return { Id: this.#create(name, body).id };
  }

  /**
   * Starts it with one client attached, as its creation says. Answers before the program runs, so that the head of the
   * answer is on its way before any output: docker-py reads the head with a buffer that it drops, and all in it.
   */
  async start(id: string, options: ExecStartOptions): Promise<ExecAttachment> {
    const exec = this.#find(id);
    refuseSecondStart(exec);
    refuseExec(exec.container);
    const { tty, detachKeys } = exec.config;
    const flags = flagsOf(exec.config);
    const stream = new PendingStream(flags);
    this.#start(exec, options, flags).then(
      (started) => stream.connect(started.stream),
      (thrown: unknown) => {
        // The request was fine, the program was not: Docker's clients expect its error in the output and ask for the
        // exit code afterwards.
        if (!(thrown instanceof TiffinError) || thrown.kind === "internal") this.#context.report(thrown);
        stream.connect(new SpokenStream(`${execFailure(messageOf(thrown))}\r\n`, tty));
      },
    );
    return { tty, stream, ...(detachKeys === "" ? {} : { detachKeys }) };
  }

  async startDetached(id: string, options: ExecStartOptions): Promise<void> {
    const { stream } = await this.#start(this.#find(id), options, 0);
    stream.destroy();
  }

  async resize(id: string, size: TerminalSize): Promise<void> {
    await this.#resize(this.#find(id), size);
  }

  async inspect(id: string): Promise<ExecInspect> {
    const { config, container, state } = this.#find(id);
    const [entrypoint = "", ...words] = config.command;
    return completeDocument<ExecInspect>(execDocument, {
      ID: id,
      Running: state.status === "running",
      ExitCode: state.status === "exited" ? state.exitCode : null,
      ProcessConfig: {
        tty: config.tty,
        entrypoint,
        arguments: words,
        privileged: config.privileged,
        user: config.user,
      },
      OpenStdin: config.stdin,
      OpenStdout: config.stdout,
      OpenStderr: config.stderr,
      CanRemove: false,
      ContainerID: container.id,
      DetachKeys: Buffer.from(config.detachKeys).toString("base64"),
      Pid: state.status === "running" ? state.process.pid : 0,
    });
  }

  /** What an exec would do now. None is made. Errors: those of `create`, and of a start while it decides. */
  async explain(name: string, body: ExecCreateBody, wishes: ExplainWishes): Promise<ExplainResponse> {
    const container = this.#context.registry.resolve(name);
    const exec = decideExec(container, body, false);
    return await meetingEnd(container, async () => explainExec(this.#context, exec, body, wishes));
  }

  /** Create and start in one step. */
  async run(name: string, body: ExecCreateBody): Promise<RunSession> {
    const exec = this.#create(name, body);
    const [height = 0, width = 0] = body.ConsoleSize ?? [];
    const consoleSize = height > 0 && width > 0 ? { height, width } : undefined;
    const flags = flagsOf(exec.config);
    const { stream, process } = await this.#start(exec, { consoleSize }, flags);
    return {
      id: exec.id,
      tty: exec.config.tty,
      stream,
      warnings: [],
      exited: process.exited.then((record): RunExited => ({ StatusCode: record.exitCode })),
      resize: (size) => this.#resize(exec, size),
      signal: async (signal) => {
        if (exec.state.status === "running") exec.state.process.signal(decodeSignal(signal));
      },
    };
  }

  /**
   * A process of the engine's own in a container: told of as any is, reaching its client with its output, and forgotten at
   * its end. Errors: as for `create` and `start`, in the words of Docker's runtime where the program cannot be started.
   */
  async launch(container: Container, command: readonly string[]): Promise<OwnProcess> {
    const body = { Cmd: command, AttachStdout: true, AttachStderr: true };
    const exec = this.#register(container, body, false);
    try {
      return await this.#start(exec, {}, flagsOf(exec.config));
    } catch (thrown) {
      if (!(thrown instanceof TiffinError)) throw thrown;
      throw new TiffinError(thrown.kind, thrown.code, execFailure(thrown.message), { cause: thrown });
    }
  }

  #create(name: string, body: ExecCreateBody): Exec {
    return this.#register(this.#context.registry.resolve(name), body, true);
  }

  #register(container: Container, body: ExecCreateBody, remembered: boolean): Exec {
    const exec = decideExec(container, body, remembered);
    this.#execs.set(exec.id, exec);
    container.execs.add(exec.id);
    this.#emit(exec, `exec_create: ${toldCommand(exec)}`);
    return exec;
  }

  async #start(
    exec: Exec,
    options: ExecStartOptions,
    flags: number,
  ): Promise<{
    readonly stream: PendingStream | EndingStream;
    readonly process: SupervisedProcess;
  }> {
    refuseSecondStart(exec);
    refuseExec(exec.container);
    if (options.consoleSize !== undefined) {
      exec.size = { rows: options.consoleSize.height, columns: options.consoleSize.width };
    }
    exec.state = { status: "starting" };
    // It may have more rights than the container's own program.
    this.#context.networks.keepOut(exec.container.id);
    const { size } = exec;
    let launched: SupervisedProcess | undefined;
    this.#emit(exec, `exec_start: ${toldCommand(exec)}`);
    try {
      const process = await meetingEnd(exec.container, () =>
        launchExec(this.#context, exec, flags === 0 ? [] : [flags]),
      );
      launched = process;
      exec.state = { status: "running", process };
      // A client may have given another size since the start was compiled, and has been answered. What has ended needs none.
      const sized =
        exec.size === undefined || exec.size === size
          ? undefined
          : process.resize(exec.size.rows, exec.size.columns).catch(() => {});
      this.#context.fail("exec.running");
      const ended = process.exited.then((record) => this.#ended(exec, record.exitCode));
      ended.catch(this.#context.report);
      if (sized !== undefined) await sized;
      const [attachment] = process.attachments;
      if (attachment !== undefined) return { stream: new EndingStream(attachment, ended), process };
      const silent = new PendingStream(0);
      silent.abandon();
      return { stream: silent, process };
    } catch (thrown) {
      launched?.signal(signalNumbers.SIGKILL);
      const exitCode = thrown instanceof TiffinError ? (thrown.exitCode ?? 126) : 126;
      this.#ended(exec, exitCode, launched !== undefined);
      throw proposing(thrown, exitCode);
    }
  }

  /** `ran`: there was a process, whose end is told. */
  #ended(exec: Exec, exitCode: number, ran = true): void {
    exec.state = { status: "exited", exitCode };
    exec.container.execs.delete(exec.id);
    this.#context.idle.within(afterReplyMs);
    if (ran) this.#emit(exec, "exec_die", { exitCode: String(exitCode) });
    if (exec.remembered) this.#context.timers.after(rememberedMs, () => this.#execs.delete(exec.id));
    else this.#execs.delete(exec.id);
  }

  async #resize(exec: Exec, size: TerminalSize): Promise<void> {
    const ended = (cause?: unknown): TiffinError =>
      new TiffinError("conflict", "exec.ended", `exec ${exec.id} has ended`, { cause });
    const { state } = exec;
    if (state.status === "exited") throw ended();
    if (state.status === "running") {
      const { process } = state;
      await meetingEndOf(process, ended, () => process.resize(size.height, size.width));
    } else {
      exec.size = { rows: size.height, columns: size.width };
    }
  }

  #find(id: string): Exec {
    const exec = this.#execs.get(id);
    if (exec !== undefined) return exec;
    throw new TiffinError("notFound", "exec.not-found", noSuchExec(id));
  }

  #forgetContainer(id: string): void {
    for (const [execId, exec] of this.#execs) if (exec.container.id === id) this.#execs.delete(execId);
    this.#context.plans.forgetExecs(id);
  }

  #emit(exec: Exec, action: string, attributes: Readonly<Record<string, string>> = {}): void {
    tellEvent(this.#context, exec.container, action, { execID: exec.id, ...attributes });
  }
}

/** Errors: those of `create`. */
function decideExec(container: Container, body: ExecCreateBody, remembered: boolean): Exec {
  refuseExec(container);
  const command = body.Cmd ?? [];
  if (command.length === 0) throw new TiffinError("invalid", "exec.no-command", noExecCommand());
  const directory = body.WorkingDir ?? "";
  refuseNul(body);
  validateStrings("command", command);
  validateStrings("environment", body.Env ?? []);
  validatePath("working directory", directory);
  if (directory !== "" && !directory.startsWith("/")) {
    throw new TiffinError(
      "invalid",
      "exec.working-directory",
      `the working directory '${directory}' is invalid, it needs to be an absolute path`,
    );
  }
  const exec: Exec = {
    id: newId(),
    container,
    config: {
      command,
      env: body.Env ?? [],
      user: body.User ?? "",
      directory,
      privileged: body.Privileged ?? false,
      tty: body.Tty ?? false,
      stdin: body.AttachStdin ?? false,
      stdout: body.AttachStdout ?? false,
      stderr: body.AttachStderr ?? false,
      detachKeys: body.DetachKeys ?? "",
    },
    remembered,
    state: { status: "created" },
    size: undefined,
  };
  const [height = 0, width = 0] = body.ConsoleSize ?? [];
  if (height > 0 && width > 0) exec.size = { rows: height, columns: width };
  return exec;
}

/** Docker's words around the reason. */
function execFailure(reason: string): string {
  return `OCI runtime exec failed: exec failed: unable to start container process: ${reason}: unknown`;
}

function refuseSecondStart({ id, state }: Exec): void {
  if (state.status === "created") return;
  const again = state.status === "exited" ? execAlreadyRan(id) : execAlreadyRunning(id);
  throw new TiffinError("conflict", "exec.started", again);
}

function refuseExec(container: Container): void {
  const { state, id } = container;
  if (state.status === "paused") {
    throw new TiffinError("conflict", "container.paused", pausedBeforeExec(id));
  }
  refuseRestarting(container);
  if (!isAlive(state)) throw new TiffinError("conflict", "container.not-running", notRunning(id));
}

/** A user that the container does not have is the program's failure; of `run`, which reads the same names, it is the engine's. */
function proposing(thrown: unknown, exitCode: number): unknown {
  if (!(thrown instanceof TiffinError) || !thrown.code.startsWith("user.") || thrown.exitCode !== undefined)
    return thrown;
  const { kind, code, message, remedy } = thrown;
  return new TiffinError(kind, code, message, {
    cause: thrown,
    exitCode,
    ...(remedy !== undefined && { remedy }),
  });
}

/** As Docker tells it: a blank follows the program even where no argument does. */
function toldCommand({ config }: Exec): string {
  const [program = "", ...rest] = config.command;
  return `${program} ${rest.join(" ")}`;
}

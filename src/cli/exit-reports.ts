/** Endings that several commands share, in Docker's words. */
import { EngineError } from "../client/api-error.ts";
import type { RunFailed } from "../docker/types/run.ts";
import type { CliIo } from "./io.ts";

/** An error that is printed as it is and decides the exit code. */
export class PlainFailure extends Error {
  override readonly name = "PlainFailure";
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** `-it` with input from a pipe would hang the process's line editing: refused as Docker does. */
export function requireTerminal(io: CliIo): void {
  if (!io.isTerminal(0)) throw new PlainFailure("the input device is not a TTY", 1);
}

/** The reader of our output went away (`| head`); the container goes on. */
export function reportGoneOutput(io: CliIo, fd: 1 | 2): number {
  if (fd === 1) io.write(2, "write /dev/stdout: broken pipe\n");
  return 1;
}

const numbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 };

/** `128 + n` for a signal that ended this program. */
export function exitCodeOfSignal(signal: string): number {
  return 128 + (numbers[signal] ?? 0);
}

/** A failure that the engine reports inside a session, after it had accepted the request. */
export function errorOfFrame(failed: RunFailed): EngineError {
  return new EngineError("internal", failed.code ?? "client.engine-error", failed.message, {
    ...(failed.exitCode === undefined ? {} : { exitCode: failed.exitCode }),
    ...(failed.remedy === undefined ? {} : { remedy: failed.remedy }),
    ...(failed.operations === undefined ? {} : { operations: failed.operations }),
  });
}

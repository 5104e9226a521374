/** What can be wrong with a build, as errors for clients. */
import {
  type Dockerfile,
  DockerfileError,
  linesAroundFault,
} from "../../docker/dockerfile/parse-dockerfile.ts";
import { TiffinError } from "../../lib/errors.ts";

export function notDoneYet(what: string): TiffinError {
  return new TiffinError(
    "notImplemented",
    "build.not-there-yet",
    `${what} is not done yet by this engine's builder`,
  );
}

/** A program of a step that ended otherwise than well. */
export class StepFailed extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** With the lines of the Dockerfile around the fault. */
export function buildFault(thrown: unknown, lines: Dockerfile["lines"], parsing: boolean): unknown {
  if (!(thrown instanceof DockerfileError)) return thrown;
  const { cause, message, firstLine } = thrown;
  const shown = linesAroundFault(lines, thrown);
  // A failure of the engine's own keeps its kind.
  if (cause instanceof TiffinError) {
    return new TiffinError(cause.kind, cause.code, `${cause.message}\n${shown}`, {
      ...(cause.remedy !== undefined && { remedy: cause.remedy }),
      cause,
    });
  }
  const text = parsing ? `dockerfile parse error on line ${firstLine}: ${message}` : message;
  return new TiffinError("invalid", "build.step", `${text}\n${shown}`, {
    ...(cause instanceof StepFailed && { exitCode: cause.exitCode }),
    cause: thrown,
  });
}

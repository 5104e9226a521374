/**
 * A failure record of the executor as an error for people: which step, on what, why, and what to try. Texts that
 * Docker's clients read exit codes from have Docker's wording. Nothing here matches on text; everything comes
 * from the op, its step and the errno.
 */
import { missingTarget, ops } from "../abi/schema.ts";
import { type ErrorKind, TiffinError } from "../lib/errors.ts";
import { errnoName, errno as errnos, errnoText } from "../linux/errno.ts";
import { remedyFor } from "./failure-remedies.ts";
import type { Plan, ProcessOp } from "./plan.ts";

/** The executor's `failed` message. */
export interface PlanFailure {
  readonly fields: { readonly op: number; readonly step: number; readonly errno: number };
  /** Path, option or program that the step was about; may be empty. */
  readonly object: string;
  /** What the kernel (or the decoder) said in its own words; may be empty. */
  readonly detail: string;
}

const exitCodes = { engine: 125, notExecutable: 126, notFound: 127 } as const;

export function explainFailure(plan: Plan, failure: PlanFailure): TiffinError {
  const { errno, op: index } = failure.fields;
  if (errno === errnos.EBADMSG) return refusedPlan(failure);
  const op = plan.ops[index];
  if (op === undefined) return refusedPlan(failure);
  if (errno === errnos.ECHILD) return diedEarly(plan, op, failure);
  switch (op.op) {
    case "exec":
      return execFailure(plan, op, failure);
    case "findProgram": {
      const exec = plan.ops.find((each) => each.op === "exec");
      return exec?.op === "exec" ? execFailure(plan, exec, failure) : general(plan, op, failure);
    }
    case "chdir":
      // Before the clone it is the supervisor's.
      if (op.stage === "prepare") return general(plan, op, failure);
      return directoryFailure(plan, op.fields.path, failure);
    case "openTree":
      if (op.cause.startsWith("mounts[") && errno === errnos.ENOENT) return missingSource(op);
      return general(plan, op, failure);
    case "moveMount":
      if (op.cause.startsWith("mounts[") && isTypeMismatch(failure)) return mismatchedTypes(plan, op);
      return general(plan, op, failure);
    case "hook":
      return hookFailure(op, failure);
    default:
      return general(plan, op, failure);
  }
}

function hookFailure(op: Extract<ProcessOp, { readonly op: "hook" }>, failure: PlanFailure): TiffinError {
  const what = failure.detail === "" ? errnoText(failure.fields.errno) : failure.detail;
  const message = `error running hook ${op.cause} ${op.fields.path}: ${what}`;
  return new TiffinError("invalid", "start.hook-failed", message, { exitCode: exitCodes.engine });
}

/** move_mount says EINVAL, lookups say ENOTDIR, when one side is a directory and the other is not. */
function isTypeMismatch({ fields }: PlanFailure): boolean {
  const step = ops.moveMount.steps[fields.step];
  return fields.errno === errnos.ENOTDIR || (step === "move_mount" && fields.errno === errnos.EINVAL);
}

function mismatchedTypes(plan: Plan, op: Extract<ProcessOp, { readonly op: "moveMount" }>): TiffinError {
  if (op.fields.create === missingTarget.plainDirectory) {
    const made = plan.ops.find((each) => each.op === "fsMount" && each.cause === op.cause);
    const type = made?.op === "fsMount" ? made.fields.type : "";
    return new TiffinError(
      "invalid",
      "start.mount-type",
      `error mounting ${JSON.stringify(type)} to rootfs at ${JSON.stringify(op.target)}: not a directory: ` +
        "the image has a symbolic link or a file there, and a link is not followed",
      { exitCode: otherExitCode(plan) },
    );
  }
  const source = plan.ops.find(({ stage, cause }) => stage === "prepare" && cause === op.cause)?.target;
  return new TiffinError(
    "invalid",
    "start.mount-type",
    `error mounting ${JSON.stringify(source ?? "")} to rootfs at ${JSON.stringify(op.target)}: not a directory: ` +
      "Are you trying to mount a directory onto a file (or vice-versa)? " +
      "Check if the specified host path exists and is the expected type",
    { exitCode: exitCodes.notExecutable },
  );
}

/** A plan enters a running container when it has its pidfd. */
function isExecPlan(plan: Plan): boolean {
  return plan.receives.some(({ name }) => name === "pidfd");
}

/** What a failed `docker exec` ends with when its program was not even looked for. */
function otherExitCode(plan: Plan): number {
  return isExecPlan(plan) ? exitCodes.notExecutable : exitCodes.engine;
}

function refusedPlan({ fields, detail }: PlanFailure): TiffinError {
  return new TiffinError(
    "internal",
    "plan.refused",
    `the executor refused the plan at operation ${fields.op}: ${detail === "" ? "malformed" : detail}`,
    { remedy: "engine and executor must be of the same build", exitCode: exitCodes.engine },
  );
}

/** The process was gone before its program ran: killed, most likely for its memory limit. */
function diedEarly(plan: Plan, op: ProcessOp, { detail }: PlanFailure): TiffinError {
  return new TiffinError(
    "internal",
    "start.process-died",
    `the container's process ${detail === "" ? "ended" : detail} before its program was started (at ${op.op})`,
    { remedy: "raise the memory limit if the kernel log shows an OOM kill", exitCode: otherExitCode(plan) },
  );
}

function execFailure(
  plan: Plan,
  op: Extract<ProcessOp, { readonly op: "exec" }>,
  { fields }: PlanFailure,
): TiffinError {
  const program = op.fields.arguments[0] ?? "";
  const { errno } = fields;
  const lookedUp = !program.includes("/");
  const quoted = `exec: ${JSON.stringify(program)}`;
  const nowhere = errno === errnos.ENOENT || errno === errnos.EACCES || errno === errnos.ENAMETOOLONG;
  if (lookedUp && nowhere) {
    // A file in PATH that may not be executed counts as not found, as for Docker.
    return new TiffinError(
      "invalid",
      "start.program-not-found",
      `${quoted}: executable file not found in $PATH`,
      {
        remedy: `looked for ${op.fields.candidates.join(", ")}`,
        exitCode: exitCodes.notFound,
      },
    );
  }
  switch (errno) {
    case errnos.ENOENT:
    case errnos.ENOTDIR:
      return new TiffinError(
        "invalid",
        "start.program-not-found",
        `${quoted}: stat ${program}: no such file or directory`,
        {
          remedy: "check the path, and the interpreter that a script names in its first line",
          exitCode: exitCodes.notFound,
        },
      );
    case errnos.EACCES:
      return new TiffinError("invalid", "start.program-not-executable", `${quoted}: permission denied`, {
        remedy: "make the file executable (chmod +x) or run it with its interpreter",
        exitCode: exitCodes.notExecutable,
      });
    case errnos.ENOEXEC:
      return new TiffinError("invalid", "start.program-format", `${quoted}: exec format error`, {
        remedy: "use a program for this machine, or give the script a first line such as #!/bin/sh",
        exitCode: exitCodes.notExecutable,
      });
    case errnos.E2BIG:
      return new TiffinError("invalid", "start.arguments-too-long", `${quoted}: argument list too long`, {
        remedy: "pass less in arguments and environment",
        exitCode: exitCodes.notExecutable,
      });
    case errnos.ENAMETOOLONG:
    case errnos.ELOOP:
      return new TiffinError("invalid", "start.program-not-found", `${quoted}: ${errnoText(errno)}`, {
        remedy: "check the path",
        exitCode: exitCodes.notFound,
      });
    default:
      return new TiffinError("internal", "start.exec", `${quoted}: ${errnoText(errno)}`, {
        exitCode: isExecPlan(plan) || errno === errnos.EPERM ? exitCodes.notExecutable : exitCodes.engine,
      });
  }
}

function directoryFailure(plan: Plan, path: string, { fields, detail }: PlanFailure): TiffinError {
  const reason = detail === "" ? errnoText(fields.errno) : detail;
  const remedy = remedyFor("chdir", errnoName(fields.errno)) ?? "choose a working directory that exists";
  return new TiffinError(
    "invalid",
    "start.working-directory",
    `chdir to cwd (${JSON.stringify(path)}): ${reason}`,
    {
      remedy,
      exitCode: otherExitCode(plan),
    },
  );
}

function missingSource({ target }: ProcessOp): TiffinError {
  return new TiffinError(
    "invalid",
    "start.bind-source",
    `invalid mount config for type "bind": bind source path does not exist: ${target}`,
    { remedy: "create it first", exitCode: exitCodes.engine },
  );
}

/** Causes that stand for what a user wrote: a failure there is the request's, not the engine's. */
const userCauses =
  /^(mounts\[|process\.|linux\.(sysctl|devices|maskedPaths|readonlyPaths)|hostname|domainname|files)/;

function general(plan: Plan, op: ProcessOp, failure: PlanFailure): TiffinError {
  const { errno, step, op: index } = failure.fields;
  const name = errnoName(errno);
  const stepName = ops[op.op].steps[step] ?? "";
  const call = stepName === "" || stepName === op.op ? op.op : `${op.op} (${stepName})`;
  const on =
    failure.object === "" || failure.object === op.target ? op.target : `${op.target} (${failure.object})`;
  const said = failure.detail === "" ? "" : `: ${failure.detail}`;
  const kind: ErrorKind = userCauses.test(op.cause) ? "invalid" : "internal";
  const remedy = remedyFor(op.op, name);
  return new TiffinError(
    kind,
    "start.operation-failed",
    `cannot perform operation ${index}, ${call} on ${on}, because of ${op.cause}: ${errnoText(errno)} (${name})${said}`,
    { ...(remedy === undefined ? {} : { remedy }), exitCode: otherExitCode(plan) },
  );
}

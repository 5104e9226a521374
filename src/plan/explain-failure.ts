/**
 * A failure record of the executor as an error for people: which step, on what, why, and what to try. Texts that
 * Docker's clients read exit codes from have Docker's wording. Nothing here matches on text; everything comes
 * from the op, its step and the errno.
 */
import { missingTarget, ops } from "../abi/schema.ts";
import { type ErrorKind, TiffinError } from "../lib/errors.ts";
import { own } from "../lib/own.ts";
import { errnoName, errno as errnos, errnoText } from "../linux/errno.ts";
import { maskPlan, secretsOfPlan } from "./explain/mod.ts";
import { foreignFailure, missingRuntime } from "./explain-foreign.ts";
import { remedyFor } from "./failure-remedies.ts";
import type { Plan, ProcessOp } from "./plan.ts";
import { renderHostOps, renderOps } from "./render-plan.ts";

/** The executor's `failed` message. */
export interface PlanFailure {
  readonly fields: { readonly op: number; readonly step: number; readonly errno: number };
  /** Path, option or program that the step was about; may be empty. */
  readonly object: string;
  /** What the kernel (or the decoder) said in its own words; may be empty. */
  readonly detail: string;
}

const debugRemedy =
  "tiffin --debug shows the operations around it, tiffin explain --details what each is for";

/** What may be tried whatever the operation was. */
function generalRemedy(errno: string): string {
  const remedies: Readonly<Record<string, string>> = {
    EPERM:
      "check that the engine has the rights of root and that no security module forbids it: see tiffin check",
    EACCES: "check the rights of the files and that no security module forbids it: see tiffin check",
    ENOSPC: "free space, or raise the limit of what was to be made",
    ENOMEM: "free memory, or raise the container's limit",
    EMFILE: "raise RLIMIT_NOFILE of the engine",
    ENFILE: "raise fs.file-max",
    ENOSYS:
      "the kernel is too old for this, or a filter of system calls is around the engine: see tiffin check",
    EROFS: "choose a place that can be written to",
    EIO: "look into the kernel's log: a disk may be failing",
  };
  return own(remedies, errno) ?? debugRemedy;
}

const exitCodes = { engine: 125, notExecutable: 126, notFound: 127 } as const;

/** With the operations around the one that failed. */
export function explainFailure(plan: Plan, failure: PlanFailure): TiffinError {
  const { op, errno } = failure.fields;
  return withOperations(
    named(inWords(plan, failure), plan, failure),
    plan,
    { host: false, index: op },
    errno,
  );
}

/** Docker's words name no operation and no errno: what is to be tried does, then. */
function named(error: TiffinError, plan: Plan, { fields }: PlanFailure): TiffinError {
  const op = plan.ops[fields.op];
  if (op === undefined || fields.errno === errnos.EBADMSG || /operation h?\d/.test(error.message))
    return error;
  const { kind, code, message, remedy, exitCode } = error;
  const what = `operation ${fields.op}, ${op.op}, because of ${op.cause}: ${errnoName(fields.errno)}`;
  return new TiffinError(kind, code, message, {
    remedy: remedy === undefined ? what : `${remedy}; ${what}`,
    ...(exitCode !== undefined && { exitCode }),
  });
}

function inWords(plan: Plan, failure: PlanFailure): TiffinError {
  const { errno, op: index } = failure.fields;
  if (errno === errnos.EBADMSG) return refusedPlan(failure);
  const op = plan.ops[index];
  if (op === undefined) return refusedPlan(failure);
  if (errno === errnos.ECHILD) return diedEarly(plan, op, failure);
  switch (op.op) {
    case "exec":
      if (op.cause === "runtime") return missingRuntime(op.fields.candidates[0] ?? "", errno);
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
    case "run":
    case "adopt":
      return foreignFailure(op, plan, failure);
    default:
      return general(plan, op, failure);
  }
}

const operationsAround = 3;

/** Lines as `explain --format plain` has them; what failed is marked, and named with its errno. Secrets are masked. */
function withOperations(
  error: TiffinError,
  plan: Plan,
  failed: { readonly host: boolean; readonly index: number },
  errno: number,
): TiffinError {
  const first = Math.max(0, failed.index - operationsAround);
  const end = failed.index + operationsAround + 1;
  const part = {
    ...plan,
    hostOps: failed.host ? plan.hostOps.slice(first, end) : [],
    ops: failed.host ? [] : plan.ops.slice(first, end),
  };
  const { hostOps, ops: shown } = maskPlan(part, secretsOfPlan(plan));
  const lines = failed.host ? renderHostOps(hostOps, first) : renderOps(shown, first);
  const operations = lines
    .map((line, index) => (first + index === failed.index ? `> ${line}: ${errnoName(errno)}` : `  ${line}`))
    .join("\n");
  if (operations === "") return error;
  const { kind, code, message, remedy, exitCode, cause } = error;
  return new TiffinError(kind, code, message, {
    ...(remedy !== undefined && { remedy }),
    ...(exitCode !== undefined && { exitCode }),
    operations,
    failedOperation: {
      index: failed.host ? `h${failed.index}` : String(failed.index),
      errno: errnoName(errno),
    },
    cause,
  });
}

/** A system call of the host part that failed. */
export interface HostFailure {
  readonly errno: number;
  /** What it was about: a file of a control group. */
  readonly object: string;
}

/** The same for what is done on the host before the process begins. */
export function explainHostFailure(plan: Plan, { errno, object }: HostFailure): TiffinError {
  // A write says what it has written, too.
  const index = plan.hostOps.findLastIndex(
    (op) =>
      object === op.target ||
      object.startsWith(`${op.target}/`) ||
      (op.op === "cgroupWrite" && object === `"${op.value}" to ${op.target}`),
  );
  const op = plan.hostOps[index];
  const name = errnoName(errno);
  const why = `${errnoText(errno)} (${name})`;
  if (op === undefined) {
    return new TiffinError("internal", "start.host-failed", `cannot prepare the host at ${object}: ${why}`, {
      remedy: hostRemedy(name),
      exitCode: exitCodes.engine,
    });
  }
  const value = op.op === "cgroupWrite" ? ` (${JSON.stringify(op.value)})` : "";
  const message = `cannot perform operation h${index}, ${op.op} on ${op.target}${value}, because of ${op.cause}: ${why}`;
  const error = new TiffinError(
    op.cause.startsWith("linux.resources") ? "invalid" : "internal",
    "start.operation-failed",
    message,
    { remedy: hostRemedy(name), exitCode: exitCodes.engine },
  );
  return withOperations(error, plan, { host: true, index }, errno);
}

function hostRemedy(errno: string): string {
  const remedies: Readonly<Record<string, string>> = {
    EINVAL: "the kernel does not take this value: ask for another limit",
    ENOENT: "this kernel has no such limit: leave it out, or see tiffin check",
    EACCES: "the limit may not be set here: see tiffin check for the control groups of this machine",
    EPERM: "the limit may not be set here: see tiffin check for the control groups of this machine",
    EBUSY: "a limit above this group, or what is used already, is in the way",
    ENOSPC: "the kernel has no room for more control groups: remove what is not used",
    ENODEV: "there is no such device on this machine",
  };
  return own(remedies, errno) ?? debugRemedy;
}

function hookFailure(op: Extract<ProcessOp, { readonly op: "hook" }>, failure: PlanFailure): TiffinError {
  const what = failure.detail === "" ? errnoText(failure.fields.errno) : failure.detail;
  const message = `error running hook ${op.cause} ${op.fields.path}: ${what}`;
  return new TiffinError("invalid", "start.hook-failed", message, {
    remedy: "run the hook by hand with the container's state on its standard input, or leave it out",
    exitCode: exitCodes.engine,
  });
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
      { remedy: "make it a directory in the image", exitCode: otherExitCode(plan) },
    );
  }
  const made = plan.ops.find((each) => each.op === "fsMount" && each.cause === op.cause);
  const source =
    made?.op === "fsMount"
      ? made.fields.type
      : plan.ops.find(({ stage, cause }) => stage === "prepare" && cause === op.cause)?.target;
  return new TiffinError(
    "invalid",
    "start.mount-type",
    `error mounting ${JSON.stringify(source ?? "")} to rootfs at ${JSON.stringify(op.target)}: not a directory: ` +
      "Are you trying to mount a directory onto a file (or vice-versa)? " +
      "Check if the specified host path exists and is the expected type",
    { remedy: "bind a directory to a directory, and a file to a file", exitCode: exitCodes.notExecutable },
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

/** What a filter of system calls must let through, as it is on already when the rest of the plan is performed. */
const filterRemedy =
  "the seccomp profile is in force from its operation on: it must allow what comes after it and the program itself needs (prctl, capget, capset, setgroups, setresuid, setsid, execve, exit_group); tiffin explain shows the order";

/** Whether the filter of the plan was on when operation `index` was performed. */
function isFiltered({ ops: all }: Plan, index: number): boolean {
  return all[index]?.stage === "child" && all.slice(0, index).some(({ op }) => op === "seccomp");
}

/** What a filter may have answered in the kernel's place. */
const refusals: ReadonlySet<string> = new Set(["EPERM", "EACCES", "ENOSYS"]);

/** The process was gone before its program ran: killed by its filter, or most likely for its memory limit. */
function diedEarly(plan: Plan, op: ProcessOp, { detail, fields }: PlanFailure): TiffinError {
  return new TiffinError(
    "internal",
    "start.process-died",
    `the container's process ${detail === "" ? "ended" : detail} before its program was started (at ${op.op})`,
    {
      remedy: isFiltered(plan, fields.op)
        ? filterRemedy
        : "raise the memory limit if the kernel log shows an OOM kill",
      exitCode: otherExitCode(plan),
    },
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
        remedy:
          "make the file executable (chmod +x) or run it with its interpreter; a directory is no program",
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
        remedy:
          refusals.has(errnoName(errno)) && isFiltered(plan, fields.op)
            ? filterRemedy
            : generalRemedy(errnoName(errno)),
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
  const remedy =
    isFiltered(plan, index) && refusals.has(name)
      ? filterRemedy
      : (remedyFor(op.op, name) ?? generalRemedy(name));
  return new TiffinError(
    kind,
    "start.operation-failed",
    `cannot perform operation ${index}, ${call} on ${on}, because of ${op.cause}: ${errnoText(errno)} (${name})${said}`,
    { remedy, exitCode: otherExitCode(plan) },
  );
}

/** What another runtime says of its failure, in the words and with the exit codes that Docker's clients know. */
import { ops } from "../abi/schema.ts";
import { TiffinError } from "../lib/errors.ts";
import { errnoName, errnoText } from "../linux/errno.ts";
import type { Plan } from "./plan.ts";

const exitCodes = { engine: 125, notExecutable: 126, notFound: 127 } as const;

const prefix = "failed to create task for container: OCI runtime create failed";

function programOf(plan: Plan): string {
  const exec = plan.ops.find(({ op }) => op === "exec");
  return exec?.op === "exec" ? (exec.fields.candidates[0] ?? "") : "";
}

/** Its log is a JSON object a line, of which the first may be cut off at its beginning; the last error counts. */
function reasonOf(detail: string): string {
  for (const line of detail.trim().split("\n").reverse()) {
    try {
      const entry: unknown = JSON.parse(line);
      if (typeof entry === "object" && entry !== null && "msg" in entry && typeof entry.msg === "string") {
        return entry.msg;
      }
    } catch {
      const cut = /^.*?(?:"msg":")?([^"]*)","/.exec(line)?.[1];
      if (cut !== undefined && cut !== "") return cut;
    }
  }
  return detail.trim();
}

/** As Docker reads what a runtime says: there is no other sign of why it failed. */
function exitCodeOf(reason: string): number {
  const has = (...words: readonly string[]): boolean =>
    words.some((word) => reason.toLowerCase().includes(word));
  if (has("executable file not found", "no such file or directory", "not a directory", "executable file `")) {
    return exitCodes.notFound;
  }
  return has("permission denied", "exec format error", "is a directory")
    ? exitCodes.notExecutable
    : exitCodes.engine;
}

export function foreignFailure(
  { op }: { readonly op: "run" | "adopt" },
  plan: Plan,
  {
    fields,
    detail,
  }: { readonly fields: { readonly step: number; readonly errno: number }; readonly detail: string },
): TiffinError {
  const program = programOf(plan);
  const step = ops[op].steps[fields.step] ?? "";
  if (step === "wait") {
    const reason = reasonOf(detail);
    return new TiffinError("invalid", "start.runtime-failed", `${prefix}: ${reason}`, {
      remedy: `these are the words of ${program}; without --runtime the engine makes the container itself`,
      exitCode: exitCodeOf(reason),
    });
  }
  if (step === "root") {
    return new TiffinError(
      "notImplemented",
      "start.runtime-apart",
      `${prefix}: ${program} keeps its containers apart from the host's kernel: the process that it has left is none of the container's`,
      { remedy: "use a runtime that makes namespaces, such as crun or runc", exitCode: exitCodes.engine },
    );
  }
  return new TiffinError(
    "internal",
    "start.runtime-lost",
    `${prefix}: ${program} has ended well, and its process cannot be taken over (${step}): ${errnoText(fields.errno)} (${errnoName(fields.errno)})`,
    { remedy: "check that it is an OCI runtime: run --detach, --pid-file", exitCode: exitCodes.engine },
  );
}

/** The program of the runtime is not there, or cannot be executed. */
export function missingRuntime(program: string, errno: number): TiffinError {
  return new TiffinError(
    "unavailable",
    "start.runtime-missing",
    `failed to create task for container: exec: ${JSON.stringify(program)}: stat ${program}: ${errnoText(errno).toLowerCase()}`,
    { remedy: "install it, or give its path in runtimes of tiffin.json", exitCode: exitCodes.engine },
  );
}

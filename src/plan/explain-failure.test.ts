import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { errno, errnoText } from "../linux/errno.ts";
import type { HostFacts } from "../linux/host-facts.ts";
import { compileContainer } from "./compile-container.ts";
import { compileExec } from "./compile-exec.ts";
import { explainFailure, explainHostFailure } from "./explain-failure.ts";
import type { Plan } from "./plan.ts";
import { defaultOptions, defaultSpec, execTarget } from "./testdata/specs.ts";

const facts = JSON.parse(readFileSync(`${import.meta.dir}/testdata/facts-hybrid.json`, "utf8")) as HostFacts;
const plan = compileContainer(defaultSpec(), facts, defaultOptions());

function indexOf(name: string, inPlan: Plan = plan): number {
  return inPlan.ops.findIndex(({ op }) => op === name);
}

function explain(
  op: string,
  step: number,
  code: keyof typeof errno,
  object = "",
  detail = "",
  inPlan = plan,
) {
  return explainFailure(inPlan, {
    fields: { op: indexOf(op, inPlan), step, errno: errno[code] },
    object,
    detail,
  });
}

test("a general failure names operation, step, object, cause, errno and what to try", () => {
  const error = explain("fsMount", 2, "ENODEV", "overlay", "unknown filesystem");
  expect(error.message).toBe(
    "cannot perform operation 0, fsMount (create) on overlay, because of root: no such device (ENODEV): unknown filesystem",
  );
  expect(error.kind).toBe("internal");
  expect(error.exitCode).toBe(125);
  expect(error.remedy).toContain("enable it or load its module");
});

test("the program: Docker's words and exit codes", () => {
  const missing = explain("exec", 0, "ENOENT");
  expect([missing.kind, missing.exitCode, missing.message]).toEqual([
    "invalid",
    127,
    'exec: "sh": executable file not found in $PATH',
  ]);
  expect(explain("exec", 0, "ENOEXEC").exitCode).toBe(126);
});

test("a plan that the executor refuses is the engine's own fault", () => {
  const error = explain("exec", 0, "EBADMSG", "", "slot 9 is empty");
  expect([error.kind, error.code]).toEqual(["internal", "plan.refused"]);
  expect(error.message).toContain("slot 9 is empty");
});

test("a process that died before its program started", () => {
  const error = explain("pivotRoot", 0, "ECHILD", "", "ended by signal 9");
  expect(error.message).toBe(
    "the container's process ended by signal 9 before its program was started (at pivotRoot)",
  );
});

test("what is refused after the filter of system calls is on may be the filter's doing, and the remedy says so", () => {
  for (const [op, name] of [
    ["dropBounding", "EPERM"],
    ["setIds", "ENOSYS"],
    ["exec", "EPERM"],
    ["setCapabilities", "ECHILD"],
  ] as const)
    expect(explain(op, 0, name).remedy).toStartWith("the seccomp profile is in force");
  expect(explain("setHostname", 0, "EPERM").remedy).not.toContain("seccomp");
  expect(explain("setIds", 0, "EAGAIN").remedy).toBe("raise RLIMIT_NPROC of the user");
});

test("whatever is said in Docker's words, the operation, who asked for it and the errno are named", () => {
  for (const [index, { op, cause }] of plan.ops.entries()) {
    for (const [name, number] of Object.entries(errno)) {
      if (name === "EBADMSG") continue;
      const fields = { op: index, step: 0, errno: number };
      const { message, remedy = "" } = explainFailure(plan, { fields, object: "", detail: "" });
      const all = `${message}; ${remedy}`;
      const isNamed =
        [op, cause].every((word) => all.includes(word)) && (all.includes(name) || name === "ECHILD");
      expect([op, name, isNamed ? "named" : all]).toEqual([op, name, "named"]);
    }
  }
});

test("a failing exec ends with 126 unless the program is missing", () => {
  const process = defaultSpec().process;
  if (process === undefined) throw new Error("the default specification has a process");
  const { stdio, supervise } = defaultOptions();
  const exec = compileExec(process, execTarget, facts, { stdio, supervise });
  expect(explain("chdir", 0, "ENOENT", "/x", "", exec).exitCode).toBe(126);
  expect(explain("setns", 0, "ESRCH", "", "", exec).exitCode).toBe(126);
  expect(explain("exec", 0, "ENOENT", "", "", exec).exitCode).toBe(127);
});

/** What is said of operation `index` failing with `name`, or the beginning of it where Docker's words go on by the case. */
function wantedText(index: number, name: string, number: number): string | RegExp {
  const { op, cause = "", target = "" } = plan.ops[index] ?? {};
  const isMount = cause.startsWith("mounts[");
  if (name === "EBADMSG") return `the executor refused the plan at operation ${index}: detail`;
  if (name === "ECHILD") return `the container's process detail before its program was started (at ${op})`;
  if (op === "exec") return /^exec: "sh": [a-zA-Z.$]/;
  if (op === "chdir") return 'chdir to cwd ("/"): detail';
  if (op === "openTree" && isMount && name === "ENOENT")
    return `invalid mount config for type "bind": bind source path does not exist: ${target}`;
  if (op === "moveMount" && isMount && name === "ENOTDIR")
    return /^error mounting ".*" to rootfs at ".+": not a directory: /;
  return `because of ${cause}: ${errnoText(number)} (${name}): detail`;
}

test("every operation of a plan is explained for every errno: by its name, its place, its cause and the errno's", () => {
  for (const [index, { op }] of plan.ops.entries()) {
    for (const [name, number] of Object.entries(errno)) {
      const { message } = explainFailure(plan, {
        fields: { op: index, step: 0, errno: number },
        object: "object",
        detail: "detail",
      });
      const wanted = wantedText(index, name, number);
      if (typeof wanted !== "string" || !wanted.startsWith("because of")) {
        expect(message).toMatch(
          typeof wanted === "string" ? new RegExp(`^${RegExp.escape(wanted)}$`) : wanted,
        );
        continue;
      }
      expect(message).toStartWith(`cannot perform operation ${index}, ${op}`);
      expect(message).toMatch(/^[^,]+, \w+( \(\w+\))? on .+ \(object\), because of /);
      expect(message).toEndWith(wanted);
    }
  }
});

test("what the kernel refuses on the host is named by its operation: the place of a write is what it was to write there", () => {
  const index = plan.hostOps.findIndex(({ op }) => op === "cgroupWrite");
  const op = plan.hostOps[index];
  if (op?.op !== "cgroupWrite") throw new Error("the default plan has limits");
  for (const object of [op.target, `"${op.value}" to ${op.target}`]) {
    const error = explainHostFailure(plan, { errno: errno.EINVAL, object });
    expect(error.message).toStartWith("cannot perform operation h");
    expect(error.message).toContain(
      `cgroupWrite on ${op.target} (${JSON.stringify(op.value)}), because of ${op.cause}`,
    );
    expect(error.failedOperation?.errno).toBe("EINVAL");
    expect(error.operations).toMatch(/^> .*: EINVAL$/m);
  }
});

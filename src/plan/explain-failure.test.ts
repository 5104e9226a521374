import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { errno } from "../linux/errno.ts";
import type { HostFacts } from "../linux/host-facts.ts";
import { compileContainer } from "./compile-container.ts";
import { compileExec } from "./compile-exec.ts";
import { explainFailure } from "./explain-failure.ts";
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

test("a failing exec ends with 126 unless the program is missing", () => {
  const process = defaultSpec().process;
  if (process === undefined) throw new Error("the default specification has a process");
  const { stdio, supervise } = defaultOptions();
  const exec = compileExec(process, execTarget, facts, { stdio, supervise });
  expect(explain("chdir", 0, "ENOENT", "/x", "", exec).exitCode).toBe(126);
  expect(explain("setns", 0, "ESRCH", "", "", exec).exitCode).toBe(126);
  expect(explain("exec", 0, "ENOENT", "", "", exec).exitCode).toBe(127);
});

test("every operation of a plan can be explained for every errno", () => {
  for (const index of plan.ops.keys()) {
    for (const number of Object.values(errno)) {
      const error = explainFailure(plan, {
        fields: { op: index, step: 0, errno: number },
        object: "o",
        detail: "",
      });
      expect(error.message.length).toBeGreaterThan(10);
      expect(error.message).not.toEndWith(".");
    }
  }
});

/** A further process in words: decided as its start decides it. */
import type { ExecCreateBody } from "../../docker/types/exec.ts";
import type { ExplainResponse, ExplainWishes } from "../../docker/types/explain.ts";
import { cgroupPath, unifiedHierarchy } from "../../linux/cgroup.ts";
import {
  type ExplainedPlan,
  explainOps,
  hiddenWords,
  languages,
  maskPlan,
  type Origin,
  type OriginOf,
  renderAs,
  renderExecScript,
  secretsOf,
  secretsOfPlan,
} from "../../plan/mod.ts";
import { cgroupOf, heldProcess } from "../container/mod.ts";
import type { ExecContext } from "./context.ts";
import type { Exec } from "./model.ts";
import { planOf } from "./start.ts";

/** What options of `exec` ask for; the rest is the container's, or what every exec has. */
function originsOf(body: ExecCreateBody): OriginOf {
  const flag = (isAsked: boolean, text: string): Origin =>
    isAsked ? { kind: "flag", text } : { kind: "default" };
  const {
    User: user = "",
    WorkingDir: directory = "",
    Tty: tty = false,
    Privileged: privileged = false,
  } = body;
  return (setting) => {
    if (setting.startsWith("process.args")) return { kind: "flag", text: "the command of exec" };
    if (setting.startsWith("process.cwd")) return flag(directory !== "", `-w ${directory}`);
    if (setting.startsWith("process.user")) return flag(user !== "", `-u ${user}`);
    if (setting.startsWith("process.terminal") || setting === "terminal") return flag(tty, "-t");
    if (setting.startsWith("process.capabilities")) return flag(privileged, "--privileged");
    if (setting === "stdin") return flag(body.AttachStdin ?? false, "-i");
    return { kind: "default" };
  };
}

export function explainExec(
  context: ExecContext,
  exec: Exec,
  body: ExecCreateBody,
  { format, language, details, showSecrets }: ExplainWishes,
): ExplainResponse {
  const { container } = exec;
  const whole = planOf(context, exec, []);
  const secrets = showSecrets ? secretsOf([], []) : secretsOfPlan(whole);
  const plan = maskPlan(whole, secrets);
  const explained: ExplainedPlan = {
    ops: explainOps(plan, originsOf(body), {}, languages[language].say),
    warnings: plan.warnings,
    totalMs: undefined,
    notes: [],
  };
  const script = (): string => {
    const { cgroup } = context.facts;
    const group = cgroupOf(context, container.id);
    const groups = plan.receives.flatMap(({ name }): [string, string][] => {
      const hierarchy = name === "cgroup" ? unifiedHierarchy : name.replace(/^cgroup:/, "");
      const path = cgroupPath(cgroup, hierarchy, group);
      if (path === undefined || !name.startsWith("cgroup")) return [];
      return [[name, name === "cgroup" ? path : `${path}/tasks`]];
    });
    return renderExecScript(plan, {
      name: container.name,
      id: container.id,
      pid: heldProcess(container).pid,
      groups: new Map(groups),
      masked: secrets.variables,
      hidden: hiddenWords(whole, plan),
      notes: [],
      vocabulary: languages[language],
    });
  };
  const options = { vocabulary: languages[language], details };
  return { Id: container.id, Text: renderAs(format, { explained, plan, script }, options) };
}

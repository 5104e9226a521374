/** The door of `plan`. */

export { hostGroupTree } from "./cgroup-mount.ts";
export { decideContainerCgroups } from "./cgroups.ts";
export { compileContainer } from "./compile-container.ts";
export { compileExec } from "./compile-exec.ts";
export { compileForeign } from "./compile-foreign.ts";
export { compileMountChange, type MountChange } from "./compile-mount-change.ts";
export {
  chapterOfNetworkOp,
  chapterOfRemoval,
  differenceJson,
  durationText,
  type ExplainedOp,
  type ExplainedPlan,
  explainOps,
  type HiddenWords,
  hiddenWords,
  isSecretMount,
  type Language,
  languages,
  maskLine,
  maskPlan,
  maskWords,
  type NetworkOpName,
  networkOpNames,
  type Origin,
  type OriginOf,
  originText,
  planSignature,
  type RemovalOpName,
  removalOpNames,
  renderAs,
  renderDifference,
  renderDifferenceMarkdown,
  renderExplained,
  renderMarkdown,
  type Secrets,
  secretsOf,
  secretsOfPlan,
  targetText,
  type Vocabulary,
} from "./explain/mod.ts";
export { explainFailure, explainHostFailure, type HostFailure, type PlanFailure } from "./explain-failure.ts";
export { idmapSlotName } from "./identity.ts";
export { readMountOptions } from "./mount-request.ts";
export * from "./options.ts";
export type * from "./plan.ts";
export { planJson } from "./plan-json.ts";
export { PlanMemory } from "./plan-memory.ts";
export { renderPlan, renderPlanTable } from "./render-plan.ts";
export { type Say, type Saying, sayings } from "./say/mod.ts";
export { type ExecSurroundings, renderExecScript } from "./script/render-exec-script.ts";
export { renderScript } from "./script/render-script.ts";
export type { ScriptNetwork, ScriptSurroundings } from "./script/surroundings.ts";
export { checkSysctl } from "./validate.ts";

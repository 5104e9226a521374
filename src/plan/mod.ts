/** The door of `plan`. */

export { hostGroupTree } from "./cgroup-mount.ts";
export { decideContainerCgroups } from "./cgroups.ts";
export { compileContainer } from "./compile-container.ts";
export { compileExec } from "./compile-exec.ts";
export { compileMountChange, type MountChange } from "./compile-mount-change.ts";
export {
  durationText,
  type ExplainedPlan,
  explainOps,
  type Language,
  languages,
  type Origin,
  type OriginOf,
  originText,
  planSignature,
  renderDifference,
  renderExplained,
  renderMarkdown,
} from "./explain/mod.ts";
export { explainFailure, type PlanFailure } from "./explain-failure.ts";
export { idmapSlotName } from "./identity.ts";
export { readMountOptions } from "./mount-request.ts";
export * from "./options.ts";
export type * from "./plan.ts";
export { planJson } from "./plan-json.ts";
export { renderPlan, renderPlanTable } from "./render-plan.ts";
export { renderShell } from "./render-shell.ts";
export { checkSysctl } from "./validate.ts";

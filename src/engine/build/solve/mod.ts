/** Graphs performed. */
export { cacheMountNames } from "./cache-mount-names.ts";
export { CacheMounts } from "./cache-mounts.ts";
export { Snapshots } from "./snapshots.ts";
export { type CacheSource, SharedSteps, type SolvedStep, Solver } from "./solver.ts";
export { imageNamed, Sources, sourceTree } from "./source-step.ts";
export type { StepContext } from "./step-context.ts";
export { emptyTree, type OpenTree, openTree, type Tree } from "./tree.ts";

/** Images and files from Dockerfiles and graphs. */
export { archiveContext } from "./archive-context.ts";
export {
  type BuildRequest,
  type BuildRunOptions,
  plainBuildRequest,
} from "./build-request.ts";
export { BuildService, type GraphRoot } from "./build-service.ts";
export type { Pruned, PruneOptions, UsedRecord } from "./cache-prune.ts";
export type { CheckedFile } from "./checked-file.ts";
export type { ClassicBuildRequest } from "./classic-build.ts";
export { ContentMemory } from "./content-memory.ts";
export * from "./graph/mod.ts";
export { DirectoryMemory } from "./in-place/mod.ts";
export * from "./inputs.ts";
export { KeptContexts } from "./kept-contexts.ts";
export { outputOf } from "./output/mod.ts";
export type { BuildOutput, BuildResult, CacheExport, CacheImport, OutputSink } from "./outputs.ts";
export type * from "./progress.ts";
export type { OpenTree } from "./solve/mod.ts";
export { type CacheRecord, StepCache } from "./step-cache.ts";

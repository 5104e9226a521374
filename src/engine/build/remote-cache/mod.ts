/** Steps that are remembered elsewhere: in an image's own configuration, or in a directory. */
export { type CachedStep, cacheSteps, exportLocal, withInline } from "./export-cache.ts";
export { openImports } from "./import-cache.ts";

/** Steps that are remembered elsewhere: in an image's own configuration, in a directory, or in a registry. */
export { fillFrom } from "./carried-mounts.ts";
export { withInline } from "./export-cache.ts";
export { exportCaches } from "./export-caches.ts";
export { openImports } from "./import-cache.ts";

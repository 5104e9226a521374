/** Containers as clients see them: lists, inspect, filters. */
export type { ViewContext } from "./context.ts";
export { heldBy, namesIn, timeText, wantedBy } from "./describe.ts";
export { booleanOf } from "./filter-values.ts";
export { inspectContainer, type TiffinInspect } from "./inspect.ts";
export { type ListOptions, listContainers } from "./list.ts";
export { topOf } from "./top.ts";

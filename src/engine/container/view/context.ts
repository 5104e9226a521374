import type { ContainerContext } from "../context.ts";

/** What lists and inspect look at. */
export interface ViewContext
  extends Pick<
    ContainerContext,
    "config" | "events" | "facts" | "images" | "layers" | "networks" | "paths" | "registry"
  > {}

import type { ContainerContext } from "../context.ts";

/** What creation writes down, and where. */
export interface CreateContext
  extends Pick<
    ContainerContext,
    "config" | "events" | "facts" | "fail" | "images" | "layers" | "networks" | "paths" | "registry"
  > {}

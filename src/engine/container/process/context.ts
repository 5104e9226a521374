import type { ContainerContext } from "../context.ts";

/** What reaches a process, gives back what it held of the host, and attaches to it. */
export interface ProcessContext
  extends Pick<
    ContainerContext,
    "config" | "events" | "facts" | "fail" | "networks" | "paths" | "registry" | "report"
  > {}

/** What names the groups of a container. */
export interface GroupContext extends Pick<ProcessContext, "config" | "registry"> {}

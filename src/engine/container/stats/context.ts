import type { ContainerContext } from "../context.ts";

/** What statistics are taken with. */
export interface StatsContext
  extends Pick<ContainerContext, "config" | "facts" | "registry" | "report" | "timers"> {}

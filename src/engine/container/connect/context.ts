import type { ContainerContext } from "../context.ts";
import type { StartContext } from "../start/mod.ts";

/** Where containers and networks are, and who hears of a change. */
export interface ConnectContext
  extends StartContext,
    Pick<ContainerContext, "events" | "networks" | "registry" | "store"> {}

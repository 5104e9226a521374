import type { ContainerContext } from "../context.ts";
import type { CreateContext } from "../create/mod.ts";
import type { StartContext } from "../start/mod.ts";

/** What drives containers through their lives. */
export interface LifeContext extends CreateContext, StartContext, Pick<ContainerContext, "timers"> {}

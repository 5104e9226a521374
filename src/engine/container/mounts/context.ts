import type { ContainerContext } from "../context.ts";

/** What finds the host side of mounts. */
export interface MountsContext
  extends Pick<ContainerContext, "events" | "layers" | "paths" | "registry" | "report" | "volumes"> {}

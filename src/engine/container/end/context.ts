import type { ContainerContext } from "../context.ts";
import type { ProcessContext } from "../process/mod.ts";

/** What ends and takes away. */
export interface EndContext
  extends ProcessContext,
    Pick<
      ContainerContext,
      "deliveries" | "idle" | "images" | "layers" | "pauseBeforeNext" | "startLater" | "store" | "volumes"
    > {}

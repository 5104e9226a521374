import type { ContainerContext } from "../context.ts";
import type { EndContext } from "../end/mod.ts";
import type { MountsContext } from "../mounts/mod.ts";

/** What a start looks up, prepares and launches, and what takes it back. */
export interface StartContext
  extends EndContext,
    MountsContext,
    Pick<ContainerContext, "runtime" | "seccomp" | "users" | "plans" | "telemetry"> {}

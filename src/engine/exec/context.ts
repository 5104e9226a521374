import type { ContainerContext } from "../container/mod.ts";

/** What a further process needs: the container that it goes into, and what launches and tells of it. */
export interface ExecContext
  extends Pick<
    ContainerContext,
    | "config"
    | "events"
    | "facts"
    | "fail"
    | "idle"
    | "networks"
    | "plans"
    | "registry"
    | "report"
    | "runtime"
    | "seccomp"
    | "timers"
  > {}

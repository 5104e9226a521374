import type { ContainerContext } from "../container/mod.ts";
import type { ExecService } from "../exec/mod.ts";

/** What asks containers for their health. */
export interface HealthContext
  extends Pick<ContainerContext, "config" | "events" | "facts" | "registry" | "report" | "timers"> {
  readonly execs: Pick<ExecService, "launch">;
}

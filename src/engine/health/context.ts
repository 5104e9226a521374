import type { Container, ContainerContext } from "../container/mod.ts";
import type { ExecService } from "../exec/mod.ts";

/** What asks containers for their health. */
export interface HealthContext
  extends Pick<ContainerContext, "config" | "events" | "facts" | "fail" | "registry" | "report" | "timers"> {
  /** What else there is to be done about a container that has become unhealthy. */
  readonly unhealthy: (container: Container) => Promise<void>;
  readonly execs: Pick<ExecService, "launch">;
}

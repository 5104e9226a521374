/** The neighbours that a build works with. */
import type { ProgressMessage } from "../../docker/types/progress.ts";
import type { Platform } from "../../oci/mod.ts";
import type { ContainerService } from "../container/mod.ts";
import type { EventBus } from "../event/mod.ts";
import type { ImageService, ImageStore } from "../image/mod.ts";
import type { LayerStore } from "../layer/mod.ts";
import type { StepCache } from "./step-cache.ts";

export interface BuildContext {
  /** Where builds under way are. */
  readonly directory: string;
  readonly containers: ContainerService;
  readonly images: ImageStore;
  readonly imageService: ImageService;
  readonly layers: LayerStore;
  readonly events: EventBus;
  readonly cache: StepCache;
  readonly host: Platform;
  /** What a context may unpack to, bytes. */
  readonly limitBytes: number;
  readonly report: (thrown: unknown) => void;
}

export type ReportBuild = (message: ProgressMessage) => void;

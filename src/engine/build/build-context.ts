/** The neighbours that a build works with. */
import type { Platform } from "../../oci/mod.ts";
import type { ContainerService } from "../container/mod.ts";
import type { EventBus } from "../event/mod.ts";
import type { ImageService, ImageStore } from "../image/mod.ts";
import type { LayerStore } from "../layer/mod.ts";
import type { RegistryClient } from "../registry/mod.ts";
import type { Telemetry } from "../telemetry/mod.ts";
import type { ContentMemory } from "./content-memory.ts";
import type { DirectoryMemory } from "./in-place/mod.ts";
import type { KeptContexts } from "./kept-contexts.ts";
import type { StepCache } from "./step-cache.ts";

export interface BuildContext {
  /** Where builds under way are. */
  readonly directory: string;
  /** In memory: secrets of steps that run. */
  readonly secrets: string;
  /** Where cache mounts are. */
  readonly cacheMounts: string;
  readonly contexts: KeptContexts;
  readonly contents: ContentMemory;
  readonly directories: DirectoryMemory;
  readonly containers: ContainerService;
  readonly images: ImageStore;
  readonly imageService: ImageService;
  readonly layers: LayerStore;
  readonly registry: Pick<
    RegistryClient,
    "openUrl" | "manifest" | "smallBlob" | "pullImage" | "pushImage" | "putManifest"
  >;
  readonly events: EventBus;
  readonly telemetry: Telemetry;
  readonly cache: StepCache;
  readonly host: Platform;
  /** What a context may unpack to, bytes. */
  readonly limitBytes: number;
  /** How much steps that are remembered may take, bytes; 0 is without a limit. */
  readonly limitCacheBytes: number;
  readonly report: (thrown: unknown) => void;
}

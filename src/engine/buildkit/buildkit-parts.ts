/** What BuildKit's services need of an engine. */
import type { Platform } from "../../oci/mod.ts";
import type { BuildService } from "../build/mod.ts";
import type { ImageRemoval } from "./passing-images.ts";

export interface BuildKitParts {
  readonly builds: BuildService;
  readonly images: ImageRemoval;
  /** What a context may have at most. */
  readonly limitBytes: number;
  /** Where files are on their way to a client, or from one. */
  readonly directory: string;
  /** The engine's. */
  readonly version: string;
  readonly host: Platform;
  /** Where programs of steps reach the host. */
  readonly hostGateway: () => string | undefined;
}

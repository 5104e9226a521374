/** What the steps of one build work with. */
import type { Platform } from "../../../oci/mod.ts";
import type { LayerHold } from "../../image/mod.ts";
import type { BuildContext } from "../build-context.ts";
import type { BuildPlace } from "../build-place.ts";
import type { BuildRunOptions } from "../build-request.ts";
import type { BuildInputs } from "../inputs.ts";
import type { ReportEvent } from "../progress.ts";
import type { Snapshots } from "./snapshots.ts";

export interface StepContext {
  readonly services: BuildContext;
  readonly snapshots: Snapshots;
  readonly place: BuildPlace;
  readonly inputs: BuildInputs;
  readonly run: BuildRunOptions;
  readonly platform: Platform;
  /** Layers of this build stay as long as it does. */
  readonly hold: LayerHold;
  readonly report: ReportEvent;
  readonly signal: AbortSignal;
  /** Of what is made from nothing, nanoseconds. */
  readonly timeNs: bigint;
  /** Puts what a cache elsewhere has for it into a new cache mount; false: none has anything. */
  readonly fillCacheMount?: (name: string, directory: string) => Promise<boolean>;
  /** A failed step's files stay as an image of this name. */
  readonly keepFailed?: string;
}

/** What outputs cannot be, told before anything is built for them. Pure. */
import { TiffinError } from "../../../lib/errors.ts";
import type { BuildOutput } from "../outputs.ts";

interface Wanted {
  /** How many. */
  readonly platforms: number;
  /** What the client says of times. */
  readonly epochMs: number | undefined;
}

/** Errors: `build.output`, `build.epoch`. */
export function checkOutputs(outputs: readonly BuildOutput[], { platforms, epochMs }: Wanted): void {
  if (platforms > 1 && outputs.some(({ kind }) => kind === "docker")) {
    throw new TiffinError(
      "invalid",
      "build.output",
      "docker exporter does not currently support exporting manifest lists: use type=oci for several platforms",
    );
  }
  if (epochMs === undefined && outputs.some((one) => "rewriteTimes" in one && one.rewriteTimes === true)) {
    throw new TiffinError("invalid", "build.epoch", "rewrite-timestamp=true needs a time", {
      remedy: "say which: --build-arg SOURCE_DATE_EPOCH=SECONDS",
    });
  }
}

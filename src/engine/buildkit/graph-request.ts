/** A graph that was made elsewhere. */
import { TiffinError } from "../../lib/errors.ts";
import type { BuildResult } from "../build/mod.ts";

export function checkGraph(): BuildResult {
  throw new TiffinError("notImplemented", "buildkit.graph", "graphs of other frontends are not run yet");
}

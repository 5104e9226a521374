/** What this folder needs of the builder. */
import type { BuildService } from "../build/mod.ts";

export type Builder = Pick<
  BuildService,
  "build" | "check" | "lookInto" | "resolveImage" | "solve" | "usage" | "prune"
>;

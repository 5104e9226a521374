/** What this folder needs of the builder. */
import type { BuildService } from "../build/mod.ts";

export type Builder = Pick<BuildService, "build" | "check" | "solve" | "usage" | "prune">;

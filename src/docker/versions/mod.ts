/** The chain of translators, applied between a client's version and the newest. */
import type { RouteName } from "../routes.ts";
import type { TranslatedRequest, VersionTranslator } from "./translator.ts";
import { v1_30 } from "./v1_30.ts";
import { v1_40 } from "./v1_40.ts";
import { v1_41 } from "./v1_41.ts";
import { v1_42 } from "./v1_42.ts";
import { v1_43 } from "./v1_43.ts";
import { v1_44 } from "./v1_44.ts";
import { v1_45 } from "./v1_45.ts";
import { v1_49 } from "./v1_49.ts";
import { v1_50 } from "./v1_50.ts";

export type { TranslatedRequest } from "./translator.ts";
export { streamMediaType } from "./v1_42.ts";

/** Oldest first. */
const chain: readonly VersionTranslator[] = [v1_30, v1_40, v1_41, v1_42, v1_43, v1_44, v1_45, v1_49, v1_50];

/** A request of a client of version 1.`minor` in today's shape. */
export function liftRequest(name: RouteName, minor: number, request: TranslatedRequest): TranslatedRequest {
  let lifted = request;
  for (const translator of chain) {
    if (minor < translator.minor) lifted = translator.request[name]?.(lifted) ?? lifted;
  }
  return lifted;
}

/** An answer in the shape that a client of version 1.`minor` knows. */
export function lowerResponse(name: RouteName, minor: number, document: unknown): unknown {
  let lowered = document;
  for (const translator of chain.toReversed()) {
    const lower = minor < translator.minor ? translator.response[name] : undefined;
    if (lower !== undefined) lowered = lower(lowered);
  }
  return lowered;
}

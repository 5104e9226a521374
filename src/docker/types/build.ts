/** What is left of builds (Docker's API 1.50). */
import { type Decoded, integer, list, nullable, object, text } from "../decode.ts";

export const buildPruneReport = object({ CachesDeleted: nullable(list(text)), SpaceReclaimed: integer });
export interface BuildPruneReport extends Decoded<typeof buildPruneReport> {}

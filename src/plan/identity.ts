/**
 * Ids inside and outside: a plan's `prepare` ops run on the host and need host ids, its `child` ops run in the
 * container and need the container's.
 */
import { TiffinError } from "../lib/errors.ts";
import type { OciIdMapping } from "../oci/mod.ts";

/** The host's id for `id` under `mappings`; no mappings at all is the identity. */
export function hostId(mappings: readonly OciIdMapping[] | undefined, id: number, what: string): number {
  const host = mappedId(mappings, id);
  if (host !== undefined) return host;
  throw new TiffinError("invalid", "plan.unmapped-id", `${what} ${id} is not mapped in the user namespace`, {
    remedy: `add a mapping that covers ${id}`,
  });
}

/** Like `hostId`, undefined for an id that no mapping covers. */
export function mappedId(mappings: readonly OciIdMapping[] | undefined, id: number): number | undefined {
  if (mappings === undefined || mappings.length === 0) return id;
  const row = mappings.find(({ containerID, size }) => id >= containerID && id < containerID + size);
  return row === undefined ? undefined : row.hostID + (id - row.containerID);
}

/** What uid_map and gid_map are written with: a line per mapping. */
export function mapFileText(mappings: readonly OciIdMapping[]): string {
  return mappings.map((row) => `${row.containerID} ${row.hostID} ${row.size}\n`).join("");
}

/** Name of the received slot with a user namespace of these mappings; see plan.ts. */
export function idmapSlotName(uids: readonly OciIdMapping[], gids: readonly OciIdMapping[]): string {
  const text = (rows: readonly OciIdMapping[]): string =>
    rows.map((row) => `${row.containerID}:${row.hostID}:${row.size}`).join(",");
  return `idmap:${text(uids)}/${text(gids)}`;
}

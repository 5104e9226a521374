/**
 * Ids inside and outside: a plan's `prepare` ops run on the host and need host ids, its `child` ops run in the
 * container and need the container's.
 */
import { TiffinError } from "../lib/errors.ts";
import { type LinuxSpec, mappedId, type OciIdMapping } from "../oci/mod.ts";

/** The host's id for `id` under `mappings`; no mappings at all is the identity. */
export function hostId(mappings: readonly OciIdMapping[] | undefined, id: number, what: string): number {
  const host = mappedId(mappings, id);
  if (host !== undefined) return host;
  throw new TiffinError("invalid", "plan.unmapped-id", `${what} ${id} is not mapped in the user namespace`, {
    remedy: `add a mapping that covers ${id}`,
  });
}

/** Who writes the maps. */
interface Writer {
  readonly uid: number;
  readonly gid: number;
  readonly effective: readonly string[];
}

/** `id` and nothing else is mapped. */
export function isOnly(mappings: readonly OciIdMapping[] | undefined, id: number): boolean {
  const [row, ...others] = mappings ?? [];
  return others.length === 0 && row?.hostID === id && row.size === 1;
}

/**
 * Whoever has no rights over ids may map its own one alone (user_namespaces(7)); for others it needs the set-uid programs
 * newuidmap(1) and newgidmap(1), which know what an administrator has granted.
 */
export function mapsNeedHelpers({ uidMappings, gidMappings }: LinuxSpec, writer: Writer): boolean {
  const mayAll = writer.effective.includes("CAP_SETUID") && writer.effective.includes("CAP_SETGID");
  return !mayAll && !(isOnly(uidMappings, writer.uid) && isOnly(gidMappings, writer.gid));
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

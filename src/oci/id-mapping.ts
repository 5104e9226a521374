/** A range of ids of a user namespace and the ids of its parent that stand for them. */
export interface OciIdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

/** The parent's id for `id`, which is the same without any mapping; undefined for one that none covers. */
export function mappedId(mappings: readonly OciIdMapping[] | undefined, id: number): number | undefined {
  if (mappings === undefined || mappings.length === 0) return id;
  const row = mappings.find(({ containerID, size }) => id >= containerID && id < containerID + size);
  return row === undefined ? undefined : row.hostID + (id - row.containerID);
}

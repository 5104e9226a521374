/** A range of ids of a user namespace and the ids of its parent that stand for them. */
export interface OciIdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

/** Marks that the supervisor signals to the child, in this order. */
export const supervisorMarks = {
  /** uid_map and gid_map are written. */
  idMap: 1,
  /** The engine has wired the network. */
  network: 2,
  /** The engine has moved links in, and its hooks have run. */
  environment: 3,
  /** The caller lets the program start. */
  start: 4,
} as const;

/** Marks that the child signals to the supervisor. */
export const childMarks = {
  /** All mounts are made; the old root is still there. */
  mounted: 1,
  /** The filter comes next, and its listener is to be taken. */
  filtering: 2,
  /** Everything is ready for the program. */
  ready: 3,
} as const;

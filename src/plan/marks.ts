/** Marks that the supervisor signals to the child, in this order. */
export const supervisorMarks = {
  /** uid_map and gid_map are written. */
  idMap: 1,
  /** The engine has wired the network. */
  network: 2,
  /** The caller lets the program start. */
  start: 3,
} as const;

/** Marks that the child signals to the supervisor. */
export const childMarks = {
  /** Everything is ready for the program. */
  ready: 1,
} as const;

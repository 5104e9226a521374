/** prctl(2) options that a container start uses (linux/prctl.h), and secure bits (linux/securebits.h). */
export const prctlOptions = {
  setParentDeathSignal: 1,
  getDumpable: 3,
  setDumpable: 4,
  setKeepCapabilities: 8,
  setName: 15,
  getSecureBits: 27,
  setSecureBits: 28,
  setChildSubreaper: 36,
  setNoNewPrivileges: 38,
  capabilityBoundingRead: 23,
  capabilityBoundingDrop: 24,
  capabilityAmbient: 47,
} as const;

export const capabilityAmbientActions = { isSet: 1, raise: 2, lower: 3, clearAll: 4 } as const;

export const secureBits = {
  noRoot: 1 << 0,
  noRootLocked: 1 << 1,
  noSetuidFixup: 1 << 2,
  noSetuidFixupLocked: 1 << 3,
  keepCapabilities: 1 << 4,
  keepCapabilitiesLocked: 1 << 5,
  noCapabilityAmbientRaise: 1 << 6,
  noCapabilityAmbientRaiseLocked: 1 << 7,
} as const;

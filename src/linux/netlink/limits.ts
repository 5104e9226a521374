/** Every bound that the netlink codecs and sockets keep. */
export const netlinkLimits = {
  /** Largest single datagram that is read; the kernel never builds a dump part larger than 32 KiB. */
  receiveBytes: 256 * 1024,
  /** Largest request (a whole nftables transaction is one datagram). */
  requestBytes: 8 * 1024 * 1024,
  /** Attribute and element-list lengths are 16 bits wide on the wire. */
  attributeBytes: 0xffff,
  /** Nesting depth that a reader follows. */
  attributeDepth: 16,
  /** Messages of one dump that are kept in memory. */
  dumpMessages: 1_000_000,
  /** How often a dump that the kernel marked as interrupted is begun again. */
  dumpAttempts: 100,
  linkNameBytes: 15,
  nftNameBytes: 255,
  nftUserDataBytes: 256,
} as const;

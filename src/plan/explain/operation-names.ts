/** Names of what is explained and is no operation of a plan. */

/** Operations on networks; what they are is decided beside them. */
export const networkOpNames = [
  "bridgeAdd",
  "vethAdd",
  "ipv6Quiet",
  "underlayAdd",
  "vxlanPeer",
  "childAdd",
  "defaultRouteByLink",
  "bridgePort",
  "bridgeHairpin",
  "bridgeIsolate",
  "neighbourForget",
  "linkUp",
  "linkSettle",
  "linkDelete",
  "linksDelete",
  "addressAdd",
  "addressDelete",
  "address6Add",
  "defaultRoute",
  "defaultRoute6",
  "announce",
  "sysctl",
  "tableReplace",
  "contentsAdd",
  "contentsDelete",
  "tableDelete",
  "ruleInsert",
  "ruleDelete",
] as const;
export type NetworkOpName = (typeof networkOpNames)[number];

/** What takes a container away. */
export const removalOpNames = [
  "processKill",
  "namespaceEnd",
  "portRelease",
  "endpointRelease",
  "cgroupRemove",
  "directoryRemove",
  "volumeRemove",
  "rowRemove",
] as const;
export type RemovalOpName = (typeof removalOpNames)[number];

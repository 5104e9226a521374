/** The host side of a container's mounts: volumes made and filled, sources opened. */

export { makeVolumes, openBinds, readyMounts, refuseMissingSource } from "./bind-sources.ts";
export type { MountsContext } from "./context.ts";

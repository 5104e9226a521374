/** What a configuration of an earlier version of the specification means where a later one has given it another meaning. */
import type { RuntimeSpec } from "../oci/mod.ts";

/** Major is 1 always (see the decoder). */
function minorOf(version: string): number {
  return Number(version.split(".")[1]);
}

/**
 * Before 1.3 a pids limit of 0 was no limit; podman writes it for `--pids-limit -1` into configurations that say so.
 */
export function asItsVersionMeans(spec: RuntimeSpec): RuntimeSpec {
  const { linux } = spec;
  if (linux?.resources?.pids?.limit !== 0 || minorOf(spec.ociVersion) >= 3) return spec;
  const { pids: _pids, ...resources } = linux.resources;
  return { ...spec, linux: { ...linux, resources } };
}

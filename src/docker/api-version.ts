/** Versions of Docker's API: the range that is spoken here, and how they compare. */
import { TiffinError } from "../lib/errors.ts";
import { clientTooNew, clientTooOld, malformedVersion } from "./messages.ts";

/** Every version of the API is `1.` and a number. */
export type ApiVersion = `1.${number}`;

export const newestVersion: ApiVersion = "1.50";
export const oldestVersion: ApiVersion = "1.24";
/** Docker's engine that speaks the newest version. Programs compare what an engine says of itself with versions of Docker's. */
const dockerOfNewest = "28.2.0";

/** How an engine of ours is called where clients expect a version of Docker's engine. */
export function asDockerVersion(version: string): string {
  return `${dockerOfNewest}+tiffin.${version}`;
}

/**
 * Programs that never ask which versions there are say an older one: skopeo and podman before 2024 reach an engine with 1.22.
 * They are answered as by the oldest version, which has all that they use.
 */
const toleratedVersion: ApiVersion = "1.22";

/** The number after `1.`, which orders versions. */
export function minorOf(version: ApiVersion): number {
  return Number(version.slice(2));
}

const newestMinor = minorOf(newestVersion);
const oldestMinor = minorOf(oldestVersion);
const toleratedMinor = minorOf(toleratedVersion);

/** The minor number of a version that a client asks for; `invalid` when it is not spoken here. */
export function acceptVersion(asked: string): number {
  const match = /^([0-9]{1,4})\.([0-9]{1,4})$/.exec(asked);
  if (match === null) throw new TiffinError("invalid", "api.version-malformed", malformedVersion(asked));
  const major = Number(match[1]);
  const minor = Number(match[2]);
  if (major > 1 || (major === 1 && minor > newestMinor)) {
    throw new TiffinError("invalid", "api.client-too-new", clientTooNew(asked, newestVersion));
  }
  if (major < 1 || minor < toleratedMinor) {
    throw new TiffinError("invalid", "api.client-too-old", clientTooOld(asked, oldestVersion));
  }
  return Math.max(minor, oldestMinor);
}

/** Versions of Docker's API: the range that is spoken here, and how they compare. */
import { TiffinError } from "../lib/errors.ts";
import { clientTooNew, clientTooOld, malformedVersion } from "./messages.ts";

/** Every version of the API is `1.` and a number. */
export type ApiVersion = `1.${number}`;

export const newestVersion: ApiVersion = "1.50";
export const oldestVersion: ApiVersion = "1.24";

/** The number after `1.`, which orders versions. */
export function minorOf(version: ApiVersion): number {
  return Number(version.slice(2));
}

const newestMinor = minorOf(newestVersion);
const oldestMinor = minorOf(oldestVersion);

/** The minor number of a version that a client asks for; `invalid` when it is not spoken here. */
export function acceptVersion(asked: string): number {
  const match = /^([0-9]{1,4})\.([0-9]{1,4})$/.exec(asked);
  if (match === null) throw new TiffinError("invalid", "api.version-malformed", malformedVersion(asked));
  const major = Number(match[1]);
  const minor = Number(match[2]);
  if (major > 1 || (major === 1 && minor > newestMinor)) {
    throw new TiffinError("invalid", "api.client-too-new", clientTooNew(asked, newestVersion));
  }
  if (major < 1 || minor < oldestMinor) {
    throw new TiffinError("invalid", "api.client-too-old", clientTooOld(asked, oldestVersion));
  }
  return minor;
}

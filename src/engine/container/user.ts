/**
 * Who the process runs as: Docker's `user[:group]` resolved against the passwd and group files of the image. Answers
 * for images are remembered; a container that has changed its own /etc is asked anew.
 */
import { readFileSync } from "node:fs";
import { resolveUser, userFileLimitBytes } from "../../linux/passwd.ts";
import { lookUp } from "./layer-view.ts";
import type { ResolvedUser } from "./spec.ts";

export interface UserCache {
  /** `lowers` are uppermost first. Errors: `invalid` when a name is not in the files. */
  resolve(user: string, groups: readonly string[], upper: string, lowers: readonly string[]): ResolvedUser;
}

const rememberedUsers = 256;

export function userCache(): UserCache {
  const remembered = new Map<string, ResolvedUser>();
  return {
    resolve(user, groups, upper, lowers) {
      const untouched = lookUp([upper], "/etc") === undefined;
      const key = untouched ? [user, ...groups, ...lowers].join("\n") : undefined;
      const known = key === undefined ? undefined : remembered.get(key);
      if (known !== undefined) return known;
      const layers = [upper, ...lowers];
      const found = resolveUser(
        user,
        groups,
        readFile(layers, "/etc/passwd"),
        readFile(layers, "/etc/group"),
      );
      if (key !== undefined) {
        if (remembered.size >= rememberedUsers) remembered.clear();
        remembered.set(key, found);
      }
      return found;
    },
  };
}

/** A file of the image; empty when it is missing, no regular file, or too large to be a sane one. */
function readFile(layers: readonly string[], path: string): Uint8Array {
  const entry = lookUp(layers, path);
  const place = entry?.places[0];
  if (entry === undefined || place === undefined || !entry.stats.isFile()) return new Uint8Array(0);
  if (entry.stats.size > BigInt(userFileLimitBytes)) return new Uint8Array(0);
  return readFileSync(place);
}

/**
 * Who the process runs as: Docker's `user[:group]` resolved against the passwd and group files of the image. Answers
 * for images are remembered; a container that has a changed /etc of its own is asked anew.
 */
import { exists } from "../../../kernel/files.ts";
import { readRootAccounts } from "../../../kernel/root-accounts.ts";
import { type ResolvedUser, resolveUser } from "../../../linux/passwd.ts";

export interface UserCache {
  /** `lowers` are uppermost first. Errors: `invalid` when a name is not in the files. */
  resolve(user: string, groups: readonly string[], upper: string, lowers: readonly string[]): ResolvedUser;
}

const rememberedUsers = 256;

export function userCache(): UserCache {
  const remembered = new Map<string, ResolvedUser>();
  return {
    resolve(user, groups, upper, lowers) {
      const key = exists(`${upper}/etc`) ? undefined : [user, ...groups, ...lowers].join("\n");
      const known = key === undefined ? undefined : remembered.get(key);
      if (known !== undefined) return known;
      const accounts = readRootAccounts({ layers: [upper, ...lowers] });
      const resolved = resolveUser(user, groups, accounts.passwd, accounts.groups);
      if (key !== undefined) {
        if (remembered.size >= rememberedUsers) remembered.clear();
        remembered.set(key, resolved);
      }
      return resolved;
    },
  };
}

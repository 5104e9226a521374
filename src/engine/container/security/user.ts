/**
 * Who the process runs as: Docker's `user[:group]` resolved against the passwd and group files of the image. Answers
 * for images are remembered; a container that has a changed /etc of its own is asked anew.
 */
import { exists } from "../../../kernel/files.ts";
import { readRootAccounts } from "../../../kernel/root-accounts.ts";
import { type ResolvedUser, resolveUser } from "../../../linux/passwd.ts";
import { type LayerStore, openRootLayers } from "../../layer/mod.ts";

export interface UserCache {
  /** For a container that does not run. Errors: `invalid` when a name is not in the files. */
  resolve(
    user: string,
    groups: readonly string[],
    containerId: string,
    chain: readonly string[],
  ): ResolvedUser;
}

const rememberedUsers = 256;

export function userCache(layers: LayerStore): UserCache {
  const remembered = new Map<string, ResolvedUser>();
  return {
    resolve(user, groups, containerId, chain) {
      const hasOwn = exists(`${layers.containerDirectory(containerId).upper}/etc`);
      const key = hasOwn ? undefined : [user, ...groups, ...chain].join("\n");
      const known = key === undefined ? undefined : remembered.get(key);
      if (known !== undefined) return known;
      using root = openRootLayers(layers, containerId, chain);
      const accounts = readRootAccounts(root);
      const resolved = resolveUser(user, groups, accounts.passwd, accounts.groups);
      if (key !== undefined) {
        if (remembered.size >= rememberedUsers) remembered.clear();
        remembered.set(key, resolved);
      }
      return resolved;
    },
  };
}

/** HOME of a program whose environment has none: what the container's own /etc/passwd says, as other runtimes do it. */
import { openDirectory } from "../../kernel/files.ts";
import { readRootAccounts } from "../../kernel/root-accounts.ts";
import type { OciProcess } from "../../oci/mod.ts";

export interface KnownHome {
  readonly uid: number;
  readonly path: string;
}

const variable = "HOME=";

/** HOME of `process`; undefined when it has none. */
export function homeOf({ env = [], user }: OciProcess): KnownHome | undefined {
  const entry = env.findLast((each) => each.startsWith(variable));
  return entry === undefined ? undefined : { uid: user.uid, path: entry.slice(variable.length) };
}

/** Reads the home of `uid` below `root`: a directory, or a link of /proc to one. */
export function readHome(root: string, uid: number): string {
  using directory = openDirectory(root);
  const { passwd } = readRootAccounts({ root: directory });
  const home = passwd.find((account) => account.uid === uid)?.home ?? "";
  return home === "" ? "/" : home;
}

/** The process with `more` variables, and with HOME: its own, or what `find` says of its user. */
export function withHome(
  process: OciProcess,
  more: readonly string[],
  find: (uid: number) => string,
): OciProcess {
  const env = [...(process.env ?? []), ...more];
  if (homeOf({ ...process, env }) !== undefined) return more.length === 0 ? process : { ...process, env };
  return { ...process, env: [...env, `${variable}${find(process.user.uid)}`] };
}

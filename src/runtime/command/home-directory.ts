/** HOME of a program whose environment has none: what the container's own /etc/passwd says, as other runtimes do it. */
import { openDirectory } from "../../kernel/files.ts";
import { readRootAccounts } from "../../kernel/root-accounts.ts";
import type { OciProcess } from "../../oci/mod.ts";

/** The process with `more` variables, and with HOME. `root`: a directory, or a link of /proc to one. */
export function withHome(process: OciProcess, root: string, more: readonly string[]): OciProcess {
  const env = [...(process.env ?? []), ...more];
  if (env.some((entry) => entry.startsWith("HOME=")))
    return more.length === 0 ? process : { ...process, env };
  using directory = openDirectory(root);
  const { passwd } = readRootAccounts({ root: directory });
  const home = passwd.find(({ uid }) => uid === process.user.uid)?.home ?? "";
  return { ...process, env: [...env, `HOME=${home === "" ? "/" : home}`] };
}

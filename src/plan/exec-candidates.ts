/** Where the program may be: the paths that execve tries, in order. */
import { TiffinError } from "../lib/errors.ts";
import type { OciProcess } from "../oci/mod.ts";

/** For an environment without PATH; what Docker gives a container. */
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** A name with a slash is itself; any other is looked up in the absolute directories of the process's PATH. */
export function execCandidates({ args, env }: Pick<OciProcess, "args" | "env">): string[] {
  const program = args?.[0];
  if (program === undefined) {
    throw new TiffinError("invalid", "plan.no-program", "process.args is empty: no command specified");
  }
  // execve of an empty path is "not found", which is also the right answer for an empty name.
  if (program === "" || program.includes("/")) return [program];
  const path = env?.findLast((entry) => entry.startsWith("PATH="))?.slice("PATH=".length) ?? defaultPath;
  // A relative directory would let the working directory choose the program.
  const directories = path.split(":").filter((directory) => directory.startsWith("/"));
  const candidates = directories.map((directory) => `${directory.replace(/\/+$/, "")}/${program}`);
  // Without a directory to look in, the name is tried where it cannot be.
  return candidates.length > 0 ? candidates : [`/dev/null/${program}`];
}

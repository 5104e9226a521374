/** The global options of the command line, decoded. */

import { readTextIfPossible } from "../kernel/files.ts";
import type { ErrorLog } from "./error-log.ts";
import type { Flags } from "./flags.ts";
import { type FlagRow, usage } from "./flags.ts";
import { absolutePath, type RuntimeHost } from "./host/host.ts";

export const globalFlags: readonly FlagRow[] = [
  { name: "root", kind: "text", doc: "directory for the state of containers (default /run/tiffin-runtime)" },
  { name: "log", kind: "text", doc: "file that errors are appended to" },
  { name: "log-format", kind: "text", doc: "text or json" },
  { name: "debug", kind: "switch", doc: "also log what is done" },
  { name: "systemd-cgroup", kind: "switch", doc: "let systemd make the group, a scope" },
  { name: "rootless", kind: "text", doc: "true, false or auto: accepted, what is possible is found out" },
  { name: "criu", kind: "text", doc: "path of the criu program" },
  { name: "help", short: "h", kind: "switch", doc: "show help" },
  { name: "version", short: "v", kind: "switch", doc: "show the version" },
];

/** The host's own user namespace: every id is itself. */
const wholeMap = /^\s*0\s+0\s+4294967295\s*$/;
const defaultRoot = "/run/tiffin-runtime";

export interface GlobalOptions {
  /** Absolute. */
  readonly root: string;
  readonly log: ErrorLog;
  /** The criu program, as given: a path, or a name to be looked for. */
  readonly criu: string | undefined;
  /** New containers are scopes of systemd. */
  readonly systemdCgroup: boolean;
}

function userRoot(host: RuntimeHost): string {
  const directory = host.env["XDG_RUNTIME_DIR"];
  return directory !== undefined && directory !== "" && hasOwnDirectory(host)
    ? `${directory}/tiffin-runtime`
    : defaultRoot;
}

/** An ordinary user, also one that is the root of a user namespace: callers there mostly name no other USER. */
function hasOwnDirectory({ env, procName, uid }: RuntimeHost): boolean {
  if (uid !== 0) return true;
  if (env["USER"] === "root") return false;
  return !wholeMap.test(readTextIfPossible(`/proc/${procName}/uid_map`) ?? "");
}

export function globalOptions(flags: Flags, host: RuntimeHost): GlobalOptions {
  const format = flags.text("log-format") ?? "text";
  if (format !== "text" && format !== "json") throw usage(`unknown log-format ${JSON.stringify(format)}`);
  const rootless = flags.text("rootless") ?? "auto";
  if (!/^(auto|true|false|t|f|1|0)$/i.test(rootless)) {
    throw usage(`--rootless is ${JSON.stringify(rootless)}, wanted true, false or auto`);
  }
  const path = flags.text("log");
  const root = flags.text("root");
  return {
    systemdCgroup: flags.switch("systemd-cgroup"),
    root: root === undefined ? userRoot(host) : absolutePath(root, host),
    log: {
      path: path === undefined ? undefined : absolutePath(path, host),
      format,
      debug: flags.switch("debug"),
      show: (text) => host.print(2, text),
    },
    criu: flags.text("criu"),
  };
}

/** What a check wants to know beyond `HostFacts`, read at once; nothing is changed and no program is started. */
import { exists, readTextIfPossible } from "../../kernel/files.ts";
import { parseStat } from "../../linux/proc.ts";
import { allPids } from "../observed-process.ts";

export interface HostSurroundings {
  /** Values below /proc/sys by dotted name; undefined where the kernel has none. */
  readonly sysctls: Readonly<Record<string, string | undefined>>;
  /** Files that tell of something, by path. */
  readonly present: ReadonlySet<string>;
  /** Names of processes that are there. */
  readonly processNames: ReadonlySet<string>;
  readonly programs: ReadonlySet<string>;
  /** Whether /etc/subuid and /etc/subgid give this user, or for root anybody, enough ids. */
  readonly subordinateIds: { readonly users: boolean; readonly groups: boolean };
  /** `ENABLED=yes` of ufw. */
  readonly ufwEnabled: boolean;
}

export const sysctlNames = [
  "user.max_user_namespaces",
  "user.max_mnt_namespaces",
  "user.max_net_namespaces",
  "user.max_pid_namespaces",
  "kernel.unprivileged_userns_clone",
  "kernel.apparmor_restrict_unprivileged_userns",
  "kernel.pid_max",
  "kernel.threads-max",
  "kernel.keys.maxkeys",
  "kernel.keys.root_maxkeys",
  "fs.inotify.max_user_instances",
  "fs.inotify.max_user_watches",
  "vm.max_map_count",
  "net.ipv4.ip_forward",
  "net.ipv6.conf.all.disable_ipv6",
  "net.netfilter.nf_conntrack_max",
  "net.netfilter.nf_conntrack_count",
] as const;
export type SysctlName = (typeof sysctlNames)[number];

const tellingPaths = [
  "/run/docker.sock",
  "/run/podman/podman.sock",
  "/run/containerd/containerd.sock",
  "/run/crio/crio.sock",
  "/run/systemd/system",
];

const programNames = ["newuidmap", "newgidmap"];
const programDirectories = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

export function lookAround(user: {
  readonly uid: number;
  readonly name: string | undefined;
}): HostSurroundings {
  const sysctls: Record<string, string | undefined> = {};
  for (const name of sysctlNames) {
    sysctls[name] = readTextIfPossible(`/proc/sys/${name.replaceAll(".", "/")}`)?.trim();
  }
  return {
    sysctls,
    present: new Set(tellingPaths.filter((path) => exists(path))),
    processNames: namesOfProcesses(),
    programs: new Set(
      programNames.filter((name) => programDirectories.some((directory) => exists(`${directory}/${name}`))),
    ),
    subordinateIds: { users: hasRange("/etc/subuid", user), groups: hasRange("/etc/subgid", user) },
    ufwEnabled: /^ENABLED=yes/m.test(readTextIfPossible("/etc/ufw/ufw.conf") ?? ""),
  };
}

function namesOfProcesses(): ReadonlySet<string> {
  return new Set(
    allPids().flatMap((pid) => parseStat(readTextIfPossible(`/proc/${pid}/stat`) ?? "")?.name ?? []),
  );
}

/** What an image may use. */
const leastIds = 65_536;

/** subuid(5): by name or by number. */
function hasRange(
  path: string,
  { uid, name }: { readonly uid: number; readonly name: string | undefined },
): boolean {
  return (readTextIfPossible(path) ?? "").split("\n").some((line) => {
    const [who, , count] = line.split(":");
    // Root asks for the others.
    const isTheirs = uid === 0 || who === String(uid) || (name !== undefined && who === name);
    return isTheirs && Number(count) >= leastIds;
  });
}

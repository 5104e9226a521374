/** What a machine's facts mean for containers. Pure: facts in, findings out. */
import { type HostFacts, hasController, kernelAtLeast } from "../../linux/host-facts.ts";
import { type Check, type CheckGroup, check, fine } from "./check.ts";
import type { HostSurroundings, SysctlName } from "./host-surroundings.ts";
import type { ProbedKind } from "./link-probe.ts";

export interface CheckFacts {
  readonly host: HostFacts;
  readonly around: HostSurroundings;
  /** Undefined: this caller may not try. */
  readonly links: ReadonlySet<ProbedKind> | undefined;
  /** Whether a base chain `forward` of iptables drops what no rule accepts. */
  readonly forwardDrops: boolean;
}

export function decideChecks(facts: CheckFacts): CheckGroup[] {
  return [
    { title: "Kernel", checks: kernelChecks(facts) },
    { title: "Namespaces", checks: namespaceChecks(facts) },
    { title: "Control groups", checks: groupChecks(facts) },
    { title: "File systems", checks: fileSystemChecks(facts) },
    { title: "Network", checks: networkChecks(facts) },
    { title: "Security", checks: securityChecks(facts) },
    { title: "Limits", checks: limitChecks(facts) },
    { title: "Beside Tiffin", checks: neighbourChecks(facts) },
    { title: "Without root", checks: rootlessChecks(facts) },
  ];
}

const present = "there";
const absent = "not there";
const rebuild = "a kernel that has it, or its module where modules can be loaded";

function feature(
  id: string,
  title: string,
  isThere: boolean,
  without: Omit<Parameters<typeof check>[4], "found">,
): Check {
  return check(id, title, isThere, present, { ...without, found: absent });
}

const oldestKernel = [5, 12] as const;
const bestKernel = [6, 15] as const;

function kernelChecks({ host }: CheckFacts): Check[] {
  const { release, machine } = host.kernel;
  const isRoot = host.identity.uid === 0;
  const found = `${release} (${machine})`;
  const [oldMajor, oldMinor] = oldestKernel;
  const [bestMajor, bestMinor] = bestKernel;
  const version = kernelAtLeast(host, oldMajor, oldMinor)
    ? check("kernel.version", "version", kernelAtLeast(host, bestMajor, bestMinor), found, {
        verdict: "limited",
        found,
        consequence: "image layers are attached in a second way, a few milliseconds slower",
        remedy: `Linux ${bestMajor}.${bestMinor} or newer`,
      })
    : check("kernel.version", "version", false, found, {
        verdict: "missing",
        found,
        consequence: "calls that every start makes are not there (openat2, mount_setattr, pidfd_open)",
        remedy: `Linux ${oldMajor}.${oldMinor} or newer`,
      });
  const needed = ["CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_MKNOD", "CAP_SETUID", "CAP_SETGID", "CAP_CHOWN"];
  const lacking = needed.filter((name) => !host.identity.effective.includes(name));
  const rights = isRoot ? "root" : `user ${host.identity.uid}`;
  return [
    version,
    check("kernel.rights", "rights of this caller", lacking.length === 0, rights, {
      verdict: "missing",
      found:
        lacking.length === needed.length
          ? `${rights}, without capabilities`
          : `${rights}, without ${lacking.join(", ")}`,
      consequence: "this caller cannot run the engine; tiffin-runtime runs containers in a user namespace",
      remedy: "start the engine as root; a group of the socket lets others use it",
    }),
    check(
      "kernel.resource",
      "CAP_SYS_RESOURCE",
      host.identity.effective.includes("CAP_SYS_RESOURCE"),
      "held",
      {
        verdict: "limited",
        found: "not held",
        consequence:
          "hard limits of processes cannot be raised and oom_score_adj not lowered; what is asked for beyond is lowered, with a warning",
        remedy: "give the engine the capability",
      },
    ),
    feature("kernel.openat2", "openat2", host.features.openat2, {
      verdict: "missing",
      consequence: "paths below an image's root cannot be resolved safely",
      remedy: "Linux 5.6 or newer, and no seccomp filter that forbids it",
    }),
    feature("kernel.clone-into-cgroup", "clone into a group", host.features.cloneIntoCgroup, {
      verdict: "limited",
      consequence: "a process is moved into its group after its birth",
      remedy: "Linux 5.7 or newer",
    }),
  ];
}

const generalNamespaces = [
  "user.max_mnt_namespaces",
  "user.max_net_namespaces",
  "user.max_pid_namespaces",
] as const;

function namespaceChecks({ host, around }: CheckFacts): Check[] {
  const zero = generalNamespaces.filter((name) => around.sysctls[name] === "0");
  return [
    check("namespace.basic", "mount, network, pid, uts, ipc", zero.length === 0, "there, and allowed", {
      verdict: "missing",
      found: `${zero.join(", ")} = 0`,
      consequence: "no container can start",
      remedy: zero.map((name) => `sysctl -w ${name}=65536`).join("; "),
    }),
    feature("namespace.cgroup", "cgroup", host.features.cgroupNamespace, {
      verdict: "limited",
      consequence: "containers see the machine's groups",
      remedy: rebuild,
    }),
    feature("namespace.time", "time", host.features.timeNamespace, {
      verdict: "limited",
      consequence: "clock offsets of a runtime specification are refused",
      remedy: "Linux 5.6 with CONFIG_TIME_NS",
    }),
    check(
      "namespace.user",
      "user",
      host.features.userNamespace && around.sysctls["user.max_user_namespaces"] !== "0",
      "there, and allowed",
      {
        verdict: "limited",
        found: host.features.userNamespace ? "user.max_user_namespaces = 0" : absent,
        consequence: "no container with ids of its own (userns), and none without root",
        remedy: host.features.userNamespace
          ? "sysctl -w user.max_user_namespaces=65536"
          : "a kernel with CONFIG_USER_NS",
      },
    ),
  ];
}

const controllers: readonly (readonly [name: string, v2: string, flags: string])[] = [
  ["memory", "memory", "--memory and its kin"],
  ["cpu", "cpu", "--cpus, --cpu-shares"],
  ["cpuset", "cpuset", "--cpuset-cpus, --cpuset-mems"],
  ["pids", "pids", "--pids-limit"],
  ["blkio", "io", "--device-read-bps and its kin, --blkio-weight"],
];

function groupChecks({ host, around }: CheckFacts): Check[] {
  const { cgroup, features } = host;
  if (cgroup.mode === "none") {
    return [
      check("cgroup.mode", "mode", false, "", {
        verdict: "missing",
        found: "nothing is mounted",
        consequence: "the engine does not start",
        remedy: "mount -t cgroup2 none /sys/fs/cgroup",
      }),
    ];
  }
  const modes = {
    v2: "v2 alone (unified)",
    hybrid: "v1 for limits, beside an empty v2 (hybrid)",
    v1: "v1 alone",
  };
  const mode = check("cgroup.mode", "mode", cgroup.mode === "v2", modes[cgroup.mode], {
    verdict: "limited",
    found: modes[cgroup.mode],
    consequence: "all limits work; pressure, memory.high and delegation to users are v2's alone",
    remedy: "start the kernel with systemd.unified_cgroup_hierarchy=1, or without cgroup_no_v1",
  });
  const withControllers = controllers.map(([v1, v2, flags]) => {
    const name = cgroup.mode === "v2" ? v2 : v1;
    return feature(`cgroup.${v1}`, `controller ${name}`, hasController(cgroup, name), {
      verdict: "limited",
      consequence: `${flags} are refused or without effect, and nothing is counted`,
      remedy: "a kernel with the controller, and no cgroup_disable= for it",
    });
  });
  return [
    mode,
    ...withControllers,
    feature("cgroup.swap", "accounting of swap", cgroup.swapAccounting, {
      verdict: "limited",
      consequence: "--memory-swap is without effect",
      remedy: "start the kernel with swapaccount=1",
    }),
    feature("cgroup.kill", "cgroup.kill", features.cgroupKill, {
      verdict: "limited",
      consequence: "processes of a container are ended one by one",
      remedy: "cgroup v2 mounted, Linux 5.14 or newer",
    }),
    fine(
      "cgroup.manager",
      "systemd",
      around.present.has("/run/systemd/system")
        ? "runs; --systemd-cgroup can be used"
        : "does not run; groups are made directly",
    ),
  ];
}

function fileSystemChecks({ host }: CheckFacts): Check[] {
  const { features } = host;
  const layers = features.erofsFromFiles
    ? fine("files.layers", "image layers", "EROFS straight from files")
    : check("files.layers", "image layers", false, "", {
        verdict: "limited",
        found: features.erofs && features.loopDevices ? "EROFS through loop devices" : "plain directories",
        consequence:
          features.erofs && features.loopDevices
            ? "one loop device a layer, which frees itself"
            : "a pull writes every file of an image by itself, and is slower",
        remedy: "Linux 6.12 or newer with EROFS",
      });
  return [
    feature("files.overlay", "overlay", features.overlay, {
      verdict: "missing",
      consequence: "images cannot be shared between containers: no container starts from one",
      remedy: "modprobe overlay, or a kernel that has it",
    }),
    layers,
    feature("files.idmapped", "mapped owners (idmapped mounts)", features.idmappedMounts, {
      verdict: "limited",
      consequence: "a container with ids of its own needs a copy of its image",
      remedy: "Linux 5.12 or newer",
    }),
    feature("files.mqueue", "mqueue", features.mqueue, {
      verdict: "limited",
      consequence: "containers have no /dev/mqueue",
      remedy: "a kernel with CONFIG_POSIX_MQUEUE",
    }),
    feature("files.fuse", "FUSE", features.fuse, {
      verdict: "limited",
      consequence: "file systems by programs (sshfs and the like) do not work in containers",
      remedy: "modprobe fuse",
    }),
  ];
}

const linkConsequences: readonly (readonly [ProbedKind, string, string, "missing" | "limited"])[] = [
  ["veth", "veth pairs", "containers have no network of their own", "missing"],
  ["bridge", "bridges", "the default network and bridge networks cannot be made", "missing"],
  ["nftables", "nftables", "ports cannot be published, nor addresses translated", "missing"],
  ["macvlan", "macvlan", "networks with the driver macvlan are refused", "limited"],
  ["ipvlan", "ipvlan", "networks with the driver ipvlan are refused", "limited"],
  ["vlan", "802.1Q VLAN", "networks with the driver vlan are refused", "limited"],
  ["vxlan", "vxlan", "networks with the driver vxlan are refused", "limited"],
  ["tun", "TUN and TAP", "tap and tun devices cannot be made", "limited"],
];

/** A network with ports for a thousand containers needs some. */
const fewConnections = 65_536;
const fullShare = 0.8;

function networkChecks({ links, around, forwardDrops }: CheckFacts): Check[] {
  const kinds =
    links === undefined
      ? [
          check("network.kinds", "kinds of links", false, "", {
            verdict: "limited",
            found: "not tried",
            consequence: "this caller may not make a network namespace to try them in",
            remedy: "ask again as root",
          }),
        ]
      : linkConsequences.map(([kind, title, consequence, verdict]) =>
          feature(`network.${kind}`, title, links.has(kind), { verdict, consequence, remedy: rebuild }),
        );
  return [...kinds, ...connectionChecks(around), forwardCheck(around, forwardDrops)];
}

function connectionChecks({ sysctls }: HostSurroundings): Check[] {
  const most = numberOf(sysctls, "net.netfilter.nf_conntrack_max");
  const used = numberOf(sysctls, "net.netfilter.nf_conntrack_count");
  const ipv6 = sysctls["net.ipv6.conf.all.disable_ipv6"];
  const list = [
    check("network.ipv6", "IPv6", ipv6 === "0", "there", {
      verdict: "limited",
      found: ipv6 === undefined ? absent : "switched off",
      consequence: "networks with --ipv6 cannot reach anything",
      remedy: ipv6 === undefined ? "a kernel with IPv6" : "sysctl -w net.ipv6.conf.all.disable_ipv6=0",
    }),
  ];
  if (most === undefined) return list;
  const count = used ?? 0;
  const found = `${count} of ${most} connections`;
  const isFull = count > most * fullShare;
  list.push(
    check("network.conntrack", "tracked connections", most >= fewConnections && !isFull, found, {
      verdict: "limited",
      found,
      consequence: isFull
        ? "the table is nearly full: new connections to published ports will be dropped"
        : "many connections at once fill the table, and new ones are dropped",
      remedy: `sysctl -w net.netfilter.nf_conntrack_max=${Math.max(262_144, most * 2)}`,
    }),
  );
  return list;
}

function forwardCheck({ sysctls }: HostSurroundings, forwardDrops: boolean): Check {
  const forwards = sysctls["net.ipv4.ip_forward"] === "1";
  const found = `${forwards ? "on" : "off, switched on with the first network"}${forwardDrops ? "; iptables drops by default, an exception is made for containers" : ""}`;
  return fine("network.forward", "forwarding", found);
}

function numberOf(sysctls: HostSurroundings["sysctls"], name: SysctlName): number | undefined {
  const text = sysctls[name];
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
}

function securityChecks({ host }: CheckFacts): Check[] {
  const { security, features } = host;
  const module = security.apparmor ? "AppArmor" : security.selinux ? "SELinux" : undefined;
  return [
    feature("security.seccomp", "seccomp filters", features.seccompFilter, {
      verdict: "missing",
      consequence: "containers could make every system call; starts are refused unless seccomp=unconfined",
      remedy: "a kernel with CONFIG_SECCOMP_FILTER",
    }),
    check(
      "security.libseccomp",
      "libseccomp",
      security.libseccomp !== null,
      `version ${security.libseccomp ?? ""}`,
      {
        verdict: "limited",
        found: absent,
        consequence: "filters are compiled by Tiffin's own compiler",
        remedy: "nothing has to be done",
      },
    ),
    module === undefined
      ? check("security.module", "security module", false, "", {
          verdict: "limited",
          found: "neither AppArmor nor SELinux",
          consequence: "containers are confined by namespaces, capabilities and seccomp alone",
          remedy: "a kernel with AppArmor or SELinux, switched on",
        })
      : fine("security.module", "security module", module),
  ];
}

interface Threshold {
  readonly name: SysctlName;
  readonly least: number;
  readonly consequence: string;
}

const thresholds: readonly Threshold[] = [
  { name: "kernel.pid_max", least: 32_768, consequence: "process numbers run out with many containers" },
  { name: "kernel.threads-max", least: 16_384, consequence: "threads run out with many containers" },
  {
    name: "kernel.keys.root_maxkeys",
    least: 1_000,
    consequence: "each container has a session keyring of root's: starts fail when they run out",
  },
  {
    name: "fs.inotify.max_user_instances",
    least: 128,
    consequence: 'programs that watch files fail ("too many open files") with many containers',
  },
  { name: "fs.inotify.max_user_watches", least: 8_192, consequence: "programs that watch many files fail" },
  {
    name: "vm.max_map_count",
    least: 65_530,
    consequence: "programs with many memory ranges (search engines) do not start",
  },
];

const fewDescriptors = 1_024;

function limitChecks({ around, host }: CheckFacts): Check[] {
  const hard = host.identity.hardRlimits["RLIMIT_NOFILE"];
  const descriptors = hard === undefined ? undefined : hard === "unlimited" ? Number.POSITIVE_INFINITY : hard;
  const list = thresholds.flatMap(({ name, least, consequence }) => {
    const value = numberOf(around.sysctls, name);
    if (value === undefined) return [];
    return [
      check(`limit.${name}`, name, value >= least, String(value), {
        verdict: "limited" as const,
        found: String(value),
        consequence,
        remedy: `sysctl -w ${name}=${least * 4}`,
      }),
    ];
  });
  if (descriptors !== undefined) {
    list.push(
      check("limit.nofile", "open descriptors (hard)", descriptors > fewDescriptors, String(hard), {
        verdict: "limited",
        found: String(hard),
        consequence: "an engine with many containers runs out of descriptors",
        remedy: "raise LimitNOFILE of the service",
      }),
    );
  }
  return list;
}

function neighbourChecks({ around }: CheckFacts): Check[] {
  const engines = [
    ["/run/docker.sock", "Docker"],
    ["/run/podman/podman.sock", "Podman"],
    ["/run/containerd/containerd.sock", "containerd"],
    ["/run/crio/crio.sock", "CRI-O"],
  ].flatMap(([path = "", name = ""]) => (around.present.has(path) ? [name] : []));
  const firewalls = [
    ...(around.processNames.has("firewalld") ? ["firewalld"] : []),
    ...(around.ufwEnabled ? ["ufw"] : []),
  ];
  return [
    fine(
      "beside.engines",
      "other engines",
      engines.length === 0 ? "none" : `${engines.join(", ")}; each has networks and names of its own`,
    ),
    check("beside.firewalls", "firewall managers", firewalls.length === 0, "none", {
      verdict: "limited",
      found: firewalls.join(", "),
      consequence:
        "published ports are translated before the manager's INPUT rules see them: its rules for a port do not count",
      remedy: "publish on an address of the machine that only those who may can reach (-p 127.0.0.1:8080:80)",
    }),
  ];
}

function rootlessChecks({ around, host }: CheckFacts): Check[] {
  const { sysctls } = around;
  const refusedBy =
    sysctls["user.max_user_namespaces"] === "0"
      ? "user.max_user_namespaces = 0"
      : sysctls["kernel.unprivileged_userns_clone"] === "0"
        ? "kernel.unprivileged_userns_clone = 0"
        : sysctls["kernel.apparmor_restrict_unprivileged_userns"] === "1"
          ? "kernel.apparmor_restrict_unprivileged_userns = 1"
          : undefined;
  const mappers = around.programs.has("newuidmap") && around.programs.has("newgidmap");
  const ranges = around.subordinateIds.users && around.subordinateIds.groups;
  const consequence = "an ordinary user's containers (tiffin-runtime)";
  return [
    check(
      "rootless.namespaces",
      "user namespaces for users",
      host.features.userNamespace && refusedBy === undefined,
      "allowed",
      {
        verdict: "limited",
        found: refusedBy ?? absent,
        consequence: `${consequence} cannot be started`,
        remedy:
          refusedBy === undefined
            ? "a kernel with CONFIG_USER_NS"
            : `sysctl -w ${refusedBy.replace(/ = .*/, refusedBy.endsWith("= 1") ? "=0" : refusedBy.startsWith("user") ? "=65536" : "=1")}`,
      },
    ),
    check("rootless.mappers", "newuidmap, newgidmap", mappers, present, {
      verdict: "limited",
      found: absent,
      consequence: `${consequence} have a single user id`,
      remedy: "apt-get install uidmap",
    }),
    check("rootless.ranges", "subordinate ids", ranges, "65536 or more in /etc/subuid and /etc/subgid", {
      verdict: "limited",
      found: "nobody has 65536 in /etc/subuid and /etc/subgid",
      consequence: `${consequence} have a single user id`,
      remedy: "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER",
    }),
    check("rootless.groups", "groups for users", host.cgroup.mode === "v2", "v2, which can be delegated", {
      verdict: "limited",
      found: `cgroup ${host.cgroup.mode}`,
      consequence: `${consequence} cannot be limited`,
      remedy: "cgroup v2, delegated by systemd",
    }),
  ];
}

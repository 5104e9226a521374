/**
 * What is told to the docker client against this engine and against Docker's own, whose answers must be the same:
 * test/compat/docker-flags.test.ts runs the cases, and the table of docs/reference takes its verdicts from them.
 */

/** A command in full, `container create`; its options, each as `--long` or `--long=value`; the words after them. */
export type DockerStep = readonly [command: string, options: readonly string[], ...words: string[]];

export interface DockerCase {
  readonly what: string;
  /** `FILES` is a directory with what the case names in it, the same for both. */
  readonly steps: readonly DockerStep[];
  /** Why the words of errors are not compared, where they are not; codes and standard output always are. */
  readonly words?: string;
  /** Why only this engine is asked, and what its steps print then (patterns). The client must succeed in every step. */
  readonly alone?: { readonly why: string; readonly printed: readonly RegExp[] };
}

const inspected = (name: string, ...paths: readonly string[]): DockerStep => [
  "container inspect",
  [`--format=[${paths.map((path) => `{{json .${path}}}`).join(",")}]`],
  name,
];
/** A container that is made with these options, and what is then known of it. */
const created = (what: string, options: readonly string[], ...paths: readonly string[]): DockerCase => ({
  what,
  steps: [
    ["container create", ["--name=made", "--network=none", ...options], "same", "true"],
    inspected("made", ...paths),
  ],
});
const ranOnce = (what: string, options: readonly string[], ...words: readonly string[]): DockerCase => ({
  what,
  steps: [["container run", ["--rm", "--network=none", ...options], "same", ...words]],
});
const hasRun = (...words: readonly string[]): DockerStep => [
  "container run",
  ["--name=made", "--network=none"],
  "same",
  ...words,
];
const runs: DockerStep = [
  "container run",
  ["--detach", "--name=made", "--network=none", "--stop-timeout=0", "--label=a=b"],
  "same",
  "sleep",
  "1000",
];
const oldDaemon = (version: string) => `a Docker engine before API ${version} has no such option`;

const host = (...names: readonly string[]) => names.map((name) => `HostConfig.${name}`);
const config = (...names: readonly string[]) => names.map((name) => `Config.${name}`);

/** Options that create and run share: what is kept of them. */
const ofCreation: readonly DockerCase[] = [
  created(
    "the processor's limits",
    ["--cpu-shares=512", "--cpu-period=50000", "--cpu-quota=25000", "--cpuset-cpus=0", "--cpuset-mems=0"],
    ...host("CpuShares", "CpuPeriod", "CpuQuota", "CpusetCpus", "CpusetMems", "NanoCpus"),
  ),
  created("processors", ["--cpus=1.5"], ...host("NanoCpus", "CpuQuota", "CpuPeriod")),
  created(
    "the memory's limits",
    [
      "--memory=64m",
      "--memory-swap=128m",
      "--memory-reservation=32m",
      "--oom-score-adj=100",
      "--shm-size=8m",
    ],
    ...host("Memory", "MemorySwap", "MemoryReservation", "OomScoreAdj", "ShmSize"),
  ),
  created(
    "swappiness and no end for lack of memory",
    ["--memory=64m", "--memory-swappiness=10", "--oom-kill-disable"],
    ...host("MemorySwappiness", "OomKillDisable"),
  ),
  created("how many processes", ["--pids-limit=50"], ...host("PidsLimit")),
  created("limits of one process", ["--ulimit=nofile=100:200", "--ulimit=core=0"], ...host("Ulimits")),
  created(
    "devices and their rules",
    ["--device=/dev/null:/dev/zilch:r", "--device-cgroup-rule=c 1:3 rwm"],
    ...host("Devices", "DeviceCgroupRules"),
  ),
  created(
    "limits of devices",
    [
      "--device-read-bps=/dev/null:1mb",
      "--device-read-iops=/dev/null:100",
      "--device-write-bps=/dev/null:2mb",
      "--device-write-iops=/dev/null:200",
    ],
    ...host("BlkioDeviceReadBps", "BlkioDeviceReadIOps", "BlkioDeviceWriteBps", "BlkioDeviceWriteIOps"),
  ),
  created(
    "capabilities and security options",
    ["--cap-add=NET_ADMIN", "--cap-drop=MKNOD", "--security-opt=no-new-privileges", "--read-only"],
    ...host("CapAdd", "CapDrop", "SecurityOpt", "ReadonlyRootfs", "Privileged"),
  ),
  created(
    "all privileges",
    ["--privileged"],
    ...host("Privileged", "SecurityOpt", "MaskedPaths", "ReadonlyPaths"),
  ),
  created(
    "namespaces of the host",
    ["--pid=host", "--ipc=host", "--uts=host", "--cgroupns=host", "--userns=host"],
    ...host("PidMode", "IpcMode", "UTSMode", "CgroupnsMode", "UsernsMode"),
  ),
  created(
    "names and resolvers",
    [
      "--hostname=one",
      "--domainname=two.test",
      "--add-host=there:10.1.2.3",
      "--dns=10.0.0.1",
      "--dns-option=ndots:2",
      "--dns-search=three.test",
    ],
    ...host("ExtraHosts", "Dns", "DnsOptions", "DnsSearch"),
    ...config("Hostname", "Domainname"),
  ),
  created(
    "the program's surroundings",
    [
      "--env=A=b",
      "--env-file=FILES/env",
      "--user=1:2",
      "--workdir=/tmp",
      "--entrypoint=/bin/echo",
      "--group-add=7",
    ],
    ...config("Env", "User", "WorkingDir", "Entrypoint", "Cmd"),
    ...host("GroupAdd"),
    "Path",
    "Args",
  ),
  created("labels", ["--label=a=b", "--label-file=FILES/labels"], ...config("Labels")),
  created(
    "how it ends and begins again",
    ["--stop-signal=SIGINT", "--stop-timeout=3", "--restart=on-failure:3", "--init"],
    ...config("StopSignal", "StopTimeout"),
    ...host("RestartPolicy", "Init", "AutoRemove"),
  ),
  created("that it is removed", ["--rm"], ...host("AutoRemove")),
  created(
    "health checks",
    [
      "--health-cmd=true",
      "--health-interval=5s",
      "--health-retries=2",
      "--health-start-period=1s",
      "--health-timeout=4s",
    ],
    ...config("Healthcheck"),
  ),
  created("no health checks", ["--no-healthcheck"], ...config("Healthcheck")),
  created(
    "a terminal and its streams",
    ["--tty", "--interactive", "--attach=stdin", "--attach=stdout"],
    ...config("Tty", "OpenStdin", "StdinOnce", "AttachStdin", "AttachStdout", "AttachStderr"),
  ),
  created(
    "ports",
    ["--publish=127.0.0.1:8080:80", "--publish=53/udp", "--expose=90", "--publish-all"],
    ...config("ExposedPorts"),
    ...host("PortBindings", "PublishAllPorts"),
  ),
  created(
    "mounts",
    ["--volume=FILES:/files:ro", "--tmpfs=/scratch:size=1m", "--mount=type=bind,source=FILES,target=/more"],
    ...host("Binds", "Tmpfs", "Mounts"),
  ),
  created(
    "a log's driver and options",
    ["--log-driver=json-file", "--log-opt=max-size=1m", "--log-opt=max-file=2"],
    ...host("LogConfig"),
  ),
  created("no log", ["--log-driver=none"], ...host("LogConfig")),
  created("settings of the kernel", ["--sysctl=net.ipv4.ip_forward=1"], ...host("Sysctls")),
  created(
    "the volumes' driver",
    ["--volume-driver=local", "--volume=kept:/kept"],
    ...host("VolumeDriver", "Binds"),
  ),
  created("where its group is", ["--cgroup-parent=/elsewhere"], ...host("CgroupParent")),
  created("the runtime", ["--runtime=runc"], ...host("Runtime")),
  {
    what: "a runtime that is not there",
    steps: [["container create", ["--runtime=nosuch"], "same", "true"]],
    words: "Docker engines since 23 say it as this one does",
  },
  created("isolation of the system's own kind", ["--isolation=default"], ...host("Isolation")),
  {
    what: "volumes of another",
    steps: [
      ["container create", ["--name=first", "--network=none", "--volume=kept:/kept"], "same", "true"],
      ["container create", ["--name=made", "--network=none", "--volumes-from=first:ro"], "same", "true"],
      inspected("made", ...host("VolumesFrom")),
    ],
  },
  {
    what: "the id in a file; nothing is fetched; the name of a network, an alias and an address",
    steps: [
      [
        "container create",
        [
          "--name=made",
          "--cidfile=FILES/cid",
          "--pull=never",
          "--quiet",
          "--network=none",
          "--mac-address=02:00:00:00:00:01",
        ],
        "same",
        "true",
      ],
      ["container create", ["--cidfile=FILES/cid"], "same", "true"],
      ["container create", ["--pull=never"], "nothing-of-the-name", "true"],
    ],
  },
  {
    what: "annotations",
    steps: [
      ["container create", ["--name=made", "--annotation=a=b"], "same", "true"],
      inspected("made", ...host("Annotations")),
    ],
    alone: { why: oldDaemon("1.43"), printed: [/^ID$/, /^\[\{"a":"b"\}\]$/] },
  },
  {
    what: "the pause between checks at the start",
    steps: [
      [
        "container create",
        ["--name=made", "--health-cmd=true", "--health-start-interval=2s"],
        "same",
        "true",
      ],
      inspected("made", ...config("Healthcheck.StartInterval")),
    ],
    alone: { why: oldDaemon("1.44"), printed: [/^ID$/, /^\[2000000000\]$/] },
  },
];

/** What the kernel may not have; the engines must then say the same of it. */
const ofSomeKernels: readonly DockerCase[] = [
  created(
    "real-time periods",
    ["--cpu-rt-period=1000000", "--cpu-rt-runtime=1000"],
    ...host("CpuRealtimePeriod"),
  ),
  {
    ...created("memory of the kernel's own", ["--kernel-memory=64m"], ...host("Memory")),
    words: "older engines announced what newer ones and kernels have done: to take that limit away",
  },
  created("for the system of the engine", ["--platform=linux"], "Platform"),
];

/** What a program sees. */
const ofRuns: readonly DockerCase[] = [
  ranOnce("both streams and the code", [], "sh", "-c", "echo out; echo err >&2; exit 9"),
  ranOnce(
    "env, env-file, user, workdir",
    ["--env=A=b", "--env-file=FILES/env", "--user=1:2", "--workdir=/tmp"],
    "sh",
    "-c",
    "echo $A $FROM_FILE; id -u; id -g; busybox pwd",
  ),
  ranOnce("groups", ["--group-add=7"], "busybox", "grep", "Groups", "/proc/self/status"),
  ranOnce(
    "names",
    ["--hostname=one", "--domainname=two.test", "--add-host=there:10.1.2.3"],
    "busybox",
    "sh",
    "-c",
    "busybox hostname; cat /proc/sys/kernel/domainname; busybox grep there /etc/hosts",
  ),
  ranOnce("an entrypoint", ["--entrypoint=/bin/echo"], "said"),
  ranOnce("a root that is read only", ["--read-only"], "sh", "-c", "echo a > /file; echo $?"),
  ranOnce("limits of one process", ["--ulimit=nofile=100:200"], "sh", "-c", "ulimit -n; ulimit -Hn"),
  ranOnce(
    "capabilities",
    ["--cap-drop=ALL", "--cap-add=CHOWN"],
    "busybox",
    "grep",
    "CapEff",
    "/proc/self/status",
  ),
  ranOnce(
    "no new privileges",
    ["--security-opt=no-new-privileges"],
    "busybox",
    "grep",
    "NoNewPrivs",
    "/proc/self/status",
  ),
  ranOnce("shared memory", ["--shm-size=8m"], "busybox", "df", "-k", "/dev/shm"),
  ranOnce("what a terminal is", ["--tty"], "sh", "-c", "test -t 1; echo $?"),
  ranOnce("the score of who ends first", ["--oom-score-adj=100"], "cat", "/proc/self/oom_score_adj"),
  ranOnce("an init of the engine's", ["--init"], "sh", "-c", "test $$ = 1; echo $?"),
  ranOnce("a device", ["--device=/dev/null:/dev/zilch"], "ls", "/dev/zilch"),
  ranOnce(
    "streams that are asked for",
    ["--attach=stdout", "--sig-proxy=false", "--detach-keys=ctrl-q"],
    "sh",
    "-c",
    "echo out; echo err >&2",
  ),
  ranOnce(
    "mounts",
    ["--volume=FILES:/files:ro", "--tmpfs=/scratch:size=1m", "--mount=type=bind,source=FILES,target=/more"],
    "sh",
    "-c",
    "cat /files/env /more/labels; echo a > /files/no; busybox df -k /scratch | tail -n 1",
  ),
  {
    ...ranOnce("a program that is not there", [], "no-such-program"),
    words: "the program is named at once, without the words of shim and runtime around it",
  },
  {
    ...ranOnce("a program that is none", [], "/etc"),
    words: "the program is named at once, without the words of shim and runtime around it",
  },
  {
    what: "in the background",
    steps: [
      ["container run", ["--detach", "--name=made", "--network=none"], "same", "sh", "-c", "exit 3"],
      ["container wait", [], "made"],
    ],
  },
];

/** What is done with containers that are there. */
const ofLives: readonly DockerCase[] = [
  {
    what: "what has run: its output, ends and changes",
    steps: [
      hasRun("sh", "-c", "echo one; echo two; echo three; echo a > /made"),
      ["container logs", [], "made"],
      ["container logs", ["--tail=1"], "made"],
      ["container logs", ["--timestamps"], "made"],
      ["container logs", ["--follow"], "made"],
      ["container logs", ["--since=1h", "--until=-1h"], "made"],
      ["container logs", ["--details"], "made"],
      ["container diff", [], "made"],
      ["container wait", [], "made"],
      ["container export", ["--output=FILES/export.tar"], "made"],
      ["container start", ["--attach"], "made"],
      ["container rename", [], "made", "other"],
      ["container ls", ["--all", "--format={{.Names}} {{.Image}} {{.Command}} {{.Labels}}"]],
      ["container rm", [], "other"],
      ["container rm", [], "other"],
      ["container rm", ["--force"], "other"],
    ],
  },
  {
    what: "lists",
    steps: [
      runs,
      [
        "container ls",
        ["--format={{.ID}} {{.Names}} {{.State}} {{.Status}} {{.Ports}} {{.Networks}} {{.Mounts}}"],
      ],
      ["container ls", ["--quiet"]],
      ["container ls", ["--quiet", "--no-trunc"]],
      ["container ls", ["--filter=label=a=b", "--format={{.Names}}"]],
      ["container ls", ["--filter=label=a=c", "--format={{.Names}}"]],
      ["container ls", ["--filter=status=exited", "--format={{.Names}}"]],
      ["container ls", ["--filter=colour=red"]],
      ["container ls", ["--size", "--format={{.Names}} {{.Size}}"]],
      ["container create", ["--name=second"], "same", "true"],
      ["container ls", ["--latest", "--format={{.Names}} {{.Status}}"]],
      ["container ls", ["--last=2", "--format={{.Names}}"]],
      ["container ls", ["--all", "--filter=name=sec", "--format=table {{.Names}}\t{{.Status}}"]],
      ["container ls", ["--all", "--filter=before=second", "--format={{.Names}}"]],
    ],
  },
  {
    what: "a life: paused, asked, ended, begun again",
    steps: [
      runs,
      ["container pause", [], "made"],
      ["container ls", ["--format={{.Status}}"]],
      ["container pause", [], "made"],
      ["container unpause", [], "made"],
      ["container unpause", [], "made"],
      ["container top", [], "made", "-o", "pid,args"],
      ["container port", [], "made"],
      ["container port", [], "made", "80"],
      ["container restart", ["--timeout=0"], "made"],
      ["container stop", ["--timeout=0"], "made"],
      inspected("made", "State.Status", "State.ExitCode", "State.OOMKilled", "State.Error"),
      ["container stop", [], "made"],
      ["container start", [], "made"],
      ["container kill", ["--signal=KILL"], "made"],
      ["container wait", [], "made"],
      ["container kill", [], "made"],
      ["container kill", ["--signal=NONE"], "made"],
      ["container start", ["--attach", "--interactive", "--detach-keys=ctrl-q"], "no-such"],
      ["container prune", ["--force", "--filter=label=none"]],
      ["container prune", ["--force"]],
      ["container ls", ["--all"]],
    ],
  },
  {
    what: "a restart or stop by a signal of one's own",
    steps: [
      runs,
      ["container stop", ["--signal=KILL"], "made"],
      ["container restart", ["--signal=KILL", "--timeout=1"], "made"],
    ],
    alone: { why: oldDaemon("1.42"), printed: [/^ID$/, /^made$/, /^made$/] },
  },
  {
    what: "limits of one that is there",
    steps: [
      ["container create", ["--name=made", "--network=none", "--memory=32m"], "same", "true"],
      [
        "container update",
        [
          "--cpu-shares=256",
          "--cpu-period=50000",
          "--cpu-quota=20000",
          "--cpuset-cpus=0",
          "--cpuset-mems=0",
          "--memory=64m",
          "--memory-swap=128m",
          "--memory-reservation=16m",
          "--pids-limit=20",
          "--restart=on-failure:2",
        ],
        "made",
      ],
      inspected(
        "made",
        ...host("CpuShares", "CpuPeriod", "CpuQuota", "CpusetCpus", "CpusetMems", "Memory", "MemorySwap"),
        ...host("MemoryReservation", "PidsLimit", "RestartPolicy"),
      ),
      ["container update", ["--cpus=1"], "made"],
      ["container update", ["--cpu-rt-period=1000000", "--cpu-rt-runtime=1000"], "made"],
      ["container update", ["--memory=1k"], "made"],
      ["container update", ["--memory=64m"], "no-such"],
    ],
  },
  {
    what: "copies",
    steps: [
      hasRun("true"),
      ["container cp", [], "FILES/env", "made:/copied"],
      ["container cp", ["--archive", "--quiet"], "FILES/labels", "made:/etc/"],
      ["container cp", ["--follow-link"], "made:/bin/sh", "FILES/sh"],
      ["container cp", [], "made:/no-such", "FILES/none"],
      ["container cp", [], "FILES/no-such", "made:/none"],
      ["container cp", [], "made:/copied", "FILES/no-such/none"],
      ["container diff", [], "made"],
    ],
  },
  {
    what: "inspected, also by kind and with sizes",
    steps: [
      hasRun("true"),
      [
        "inspect",
        [
          "--type=container",
          "--format={{.Name}} {{.State.Status}} {{.RestartCount}} {{.Driver | len | ne 0}}",
        ],
        "made",
      ],
      ["inspect", ["--type=volume"], "made"],
      ["inspect", ["--size", "--format={{.SizeRw}}"], "made"],
      ["container inspect", ["--size", "--format={{.SizeRw}}"], "made"],
      ["container inspect", [], "no-such"],
      ["container rm", ["--volumes"], "made"],
    ],
  },
  {
    what: "what cannot be attached to, and links that are not there",
    steps: [
      hasRun("true"),
      ["container attach", ["--no-stdin", "--sig-proxy=false", "--detach-keys=ctrl-q"], "made"],
      ["container attach", [], "no-such"],
      ["container rm", ["--link"], "made"],
    ],
  },
  {
    what: "figures of one that has ended",
    steps: [
      ["container create", ["--name=made", "--network=none"], "same", "true"],
      [
        "container stats",
        ["--no-stream", "--all", "--no-trunc", "--format={{.Name}} {{.ID}} {{.CPUPerc}} {{.PIDs}}"],
        "made",
      ],
      ["container stats", ["--no-stream"], "no-such"],
    ],
  },
  {
    what: "an image of it",
    steps: [
      hasRun("sh", "-c", "echo a > /made"),
      [
        "container commit",
        ["--author=me", "--message=said", "--change=ENV A=b", "--pause=false"],
        "made",
        "committed:1",
      ],
      ["inspect", ["--type=image", "--format={{.Author}} {{.Comment}} {{.Config.Env}}"], "committed:1"],
      ["container run", ["--rm", "--network=none"], "committed:1", "cat", "/made"],
    ],
  },
  {
    what: "programs in one that runs",
    steps: [
      runs,
      [
        "container exec",
        ["--env=A=b", "--env-file=FILES/env", "--user=1:2", "--workdir=/tmp"],
        "made",
        "sh",
        "-c",
        "echo $A $FROM_FILE; id -u; busybox pwd",
      ],
      ["container exec", ["--tty"], "made", "sh", "-c", "test -t 1; echo $?"],
      ["container exec", ["--interactive", "--detach-keys=ctrl-q"], "made", "cat"],
      ["container exec", ["--privileged"], "made", "sh", "-c", "busybox grep CapEff /proc/self/status"],
      ["container exec", ["--detach"], "made", "true"],
    ],
    alone: {
      why: "an older runc cannot enter the groups of a machine with both versions of them",
      printed: [
        /^ID$/,
        /^b from-a-file\n1\n\/tmp$/,
        /^0\r?$/,
        /^$/,
        /^CapEff:\t[0-9a-f]*[1-9a-f][0-9a-f]*$/,
        /^$/,
      ],
    },
  },
];

const ofVolumes: readonly DockerCase[] = [
  {
    what: "made, listed, inspected, removed",
    steps: [
      ["volume create", ["--label=a=b", "--driver=local"], "kept"],
      ["volume create", ["--opt=type=tmpfs", "--opt=device=tmpfs", "--opt=o=size=1m"], "small"],
      [
        "volume inspect",
        ["--format={{.Name}} {{.Driver}} {{json .Labels}} {{json .Options}} {{.Scope}}"],
        "kept",
        "small",
      ],
      ["volume ls", ["--format={{.Name}} {{.Driver}} {{.Labels}}"]],
      ["volume ls", ["--quiet", "--filter=label=a=b"]],
      ["volume ls", ["--quiet", "--filter=name=sma"]],
      ["volume rm", [], "no-such"],
      ["volume rm", ["--force"], "no-such"],
      ["volume prune", ["--force", "--filter=label=none"]],
      ["volume rm", [], "kept", "small"],
      ["volume ls", []],
    ],
  },
  {
    what: "those with a name are pruned only when all are asked for",
    steps: [
      ["volume create", [], "kept"],
      ["volume prune", ["--force"]],
      ["volume prune", ["--all", "--force"]],
    ],
    alone: {
      why: oldDaemon("1.42"),
      printed: [/^kept$/, /^Total reclaimed space: 0B$/, /^Deleted Volumes:\nkept\n/],
    },
  },
];

const ofSystem: readonly DockerCase[] = [
  {
    what: "what is told of a life, to its end",
    steps: [
      ["container create", ["--name=heard", "--network=none", "--label=heard=yes"], "same", "sleep", "1000"],
      ["container start", [], "heard"],
      ["container pause", [], "heard"],
      ["container unpause", [], "heard"],
      ["container rename", [], "heard", "again"],
      ["container update", ["--restart=on-failure:1"], "again"],
      ["container kill", ["--signal=WINCH"], "again"],
      ["container restart", ["--timeout=0"], "again"],
      ["container stop", ["--timeout=0"], "again"],
      ["container rm", [], "again"],
      [
        "system events",
        [
          "--since=1h",
          "--until=-1s",
          "--filter=label=heard=yes",
          "--format={{.Type}} {{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.image}} {{.Actor.Attributes.signal}} {{.Actor.Attributes.exitCode}} {{.Actor.Attributes.oldName}}",
        ],
      ],
    ],
  },
  {
    what: "what takes room, what is known, what may go",
    steps: [
      ["container run", ["--name=asked", "--network=none"], "same", "true"],
      ["system df", ["--format={{.Type}} {{.Active}}"]],
      [
        "system info",
        [
          "--format={{.OSType}} {{.Architecture}} {{.NCPU}} {{.Containers}} {{.ContainersStopped}} {{.Swarm.LocalNodeState}}",
        ],
      ],
      ["version", ["--format={{.Server.Os}} {{.Server.Arch}} {{.Client.Version}}"]],
      [
        "system events",
        [
          "--since=1h",
          "--until=-1s",
          "--filter=container=asked",
          "--filter=event=create",
          "--format={{.Type}} {{.Action}} {{.Actor.Attributes.name}}",
        ],
      ],
      ["system df", ["--verbose", "--format={{range .Containers}}{{.Names}}{{end}}"]],
      ["system prune", ["--all", "--force", "--filter=label=none"]],
      ["system prune", ["--force", "--volumes"]],
      ["container ls", ["--all"]],
    ],
  },
];

export const dockerCases: readonly DockerCase[] = [
  ...ofCreation,
  ...ofSomeKernels,
  ...ofRuns,
  ...ofLives,
  ...ofVolumes,
  ...ofSystem,
];

/** Options that need what a Docker engine without networks of its own lacks, by the test that shows them. */
export const elsewhere: Readonly<Record<string, string>> = {
  "container create --blkio-weight": "src/engine/fields.kernel.test.ts",
  "container create --blkio-weight-device": "src/engine/fields.kernel.test.ts",
  "container update --blkio-weight": "src/engine/fields.kernel.test.ts",
  "container create --gpus": "src/engine/fields.kernel.test.ts",
  "container create --ip": "test/scenario/networks.test.ts",
  "container create --ip6": "test/compat/network-inspect.test.ts",
  "container create --link": "test/scenario/links.test.ts",
  "container create --network-alias": "test/scenario/networks.test.ts",
  "container create --storage-opt": "src/engine/fields.kernel.test.ts",
};

const toldBoth = toldIn(dockerCases.filter(({ alone }) => alone === undefined));
const toldAlone = toldIn(dockerCases.filter(({ alone }) => alone !== undefined));

function toldIn(cases: readonly DockerCase[]): ReadonlySet<string> {
  const steps = cases.flatMap((entry) => entry.steps);
  return new Set(
    steps.flatMap(([command, options]) => [
      command,
      ...options.map((option) => `${command} ${option.replace(/=.*$/s, "")}`),
    ]),
  );
}

/** What shows that a command, or an option as `container create --env`, works: a case, a test, or nothing. */
export function proofOf(what: string): string | undefined {
  // To run is to create first, by the same options.
  const names = [what, what.replace(/^container run /, "container create ")];
  if (names.some((name) => toldBoth.has(name))) return "case";
  if (names.some((name) => toldAlone.has(name))) return "case, of this engine alone";
  return names.map((name) => elsewhere[name]).find((test) => test !== undefined);
}

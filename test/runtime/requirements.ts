/**
 * What the OCI runtime specification (1.2) demands of a runtime on Linux, in our words, with the cases that show it.
 * `docs/reference/conformance.md` is made from this table; `conformance.test.ts` keeps the two and the names of the
 * cases together.
 */

export interface Requirement {
  /** Document and section of the specification. */
  readonly section: string;
  readonly level: "MUST" | "SHOULD" | "MAY";
  readonly demand: string;
  /** Names of cases in this folder or, with a path before `: `, elsewhere. */
  readonly cases: readonly string[];
  /** Why there is no case, or what is missing. */
  readonly note?: string;
}

const lifecycle = "created, running, stopped, deleted";
const hookOrder = "run in the order of the specification, with the state on stdin";
const hookFailure = "a failing hook before the program ends the creation, nothing is left";
const identity = "identity: user, groups, umask, working directory, environment";
const cgroups = "cgroups: absolute path, limits, update";
const failedCreate = "a failed create leaves nothing and frees the id";

export const requirements: readonly Requirement[] = [
  // runtime.md
  {
    section: "runtime: state",
    level: "MUST",
    demand: "the state has ociVersion, id, status and bundle, and the pid while there is a process",
    cases: [lifecycle],
  },
  {
    section: "runtime: state",
    level: "MUST",
    demand: "the status is creating, created, running or stopped; others may be added",
    cases: [lifecycle, "pause and resume"],
  },
  {
    section: "runtime: state",
    level: "SHOULD",
    demand: "annotations are part of the state",
    cases: [hookOrder],
  },
  {
    section: "runtime: query state",
    level: "MUST",
    demand: "asking for an id that does not exist is an error",
    cases: ["commands about no container fail with 1 and say so"],
  },
  {
    section: "runtime: create",
    level: "MUST",
    demand: "an id that is in use is refused, and the container that has it is not touched",
    cases: ["an id is taken once"],
  },
  {
    section: "runtime: create",
    level: "MUST",
    demand: "everything of the configuration but the program is applied; the program does not run yet",
    cases: [lifecycle],
  },
  {
    section: "runtime: create",
    level: "MUST",
    demand: "what cannot be applied is an error, and no container is created",
    cases: [failedCreate, "refused: no root", "refused: an unknown limit"],
  },
  {
    section: "runtime: create",
    level: "MUST",
    demand: "later changes of config.json have no effect on the container",
    cases: ["the configuration that was created is the one that is started"],
  },
  {
    section: "runtime: start",
    level: "MUST",
    demand: "the program runs; a container that is not created is an error and stays as it is",
    cases: [lifecycle],
  },
  {
    section: "runtime: kill",
    level: "MUST",
    demand: "the signal reaches the process; a container that is neither created nor running is an error",
    cases: ["kill sends the signal that it is told, TERM unless told", lifecycle],
  },
  {
    section: "runtime: delete",
    level: "MUST",
    demand: "what create has made is removed; a container that is not stopped is an error and stays",
    cases: [lifecycle, "a created container is not deleted without force"],
  },
  {
    section: "runtime: delete",
    level: "MUST",
    demand: "what the container uses but create has not made is left alone",
    cases: ["a joined namespace is the other container's"],
  },
  { section: "runtime: delete", level: "MAY", demand: "the id may be used again", cases: [failedCreate] },
  {
    section: "runtime: errors",
    level: "MUST",
    demand: "an error leaves the environment as if the operation had not been tried",
    cases: [failedCreate, hookFailure],
  },
  {
    section: "runtime: warnings",
    level: "MUST",
    demand: "a warning does not change the operation; it goes to the log",
    cases: ["a failing poststop does not keep the container from being deleted"],
  },
  {
    section: "runtime: operations",
    level: "MUST",
    demand: "two operations at once end in a state that one after the other could reach",
    cases: ["of two that claim one id, one gets it"],
  },
  // runtime.md, lifecycle, and config.md, hooks
  {
    section: "config: hooks",
    level: "MUST",
    demand:
      "prestart and createRuntime run in the runtime's namespaces after the container's are made and before its root changes",
    cases: [hookOrder],
  },
  {
    section: "config: hooks",
    level: "MUST",
    demand: "createContainer runs in the container's namespaces, its path is the host's",
    cases: ["createContainer sees the container's namespaces and the host's programs"],
  },
  {
    section: "config: hooks",
    level: "MUST",
    demand: "startContainer runs in the container, after start and before the program",
    cases: ["startContainer runs in the container, after start and before the program"],
  },
  {
    section: "config: hooks",
    level: "MUST",
    demand: "poststart runs after the program has been started and before start returns",
    cases: [hookOrder],
  },
  {
    section: "config: hooks",
    level: "MUST",
    demand: "poststop runs after the container is deleted and before delete returns",
    cases: [hookOrder],
  },
  {
    section: "config: hooks",
    level: "MUST",
    demand: "hooks of a kind run in the order in which they are listed",
    cases: [hookOrder, "a failing poststop does not keep the container from being deleted"],
  },
  {
    section: "config: hooks",
    level: "MUST",
    demand: "each reads the state from its stdin",
    cases: [hookOrder],
  },
  {
    section: "config: hooks",
    level: "MUST",
    demand:
      "a failing prestart, createRuntime or createContainer hook is an error and the container is destroyed",
    cases: [hookFailure],
  },
  {
    section: "config: hooks",
    level: "MUST",
    demand: "a failing poststop hook is a warning and the others run",
    cases: ["a failing poststop does not keep the container from being deleted"],
  },
  {
    section: "config: hooks",
    level: "MUST",
    demand: "a hook that is not done after its timeout is ended",
    cases: ["a hook that takes too long is ended"],
  },
  // config.md
  {
    section: "config: version",
    level: "MUST",
    demand: "a configuration of an unsupported version is an error",
    cases: ["refused: no version", "refused: a version 2"],
  },
  {
    section: "config: root",
    level: "MUST",
    demand: "root.path is there and a directory; a relative one counts from the bundle",
    cases: ["refused: no root", "refused: a root that is not there", lifecycle],
  },
  {
    section: "config: root",
    level: "MUST",
    demand: "readonly makes the root read-only inside",
    cases: ["masked and read-only paths, read-only root"],
  },
  {
    section: "config: mounts",
    level: "MUST",
    demand: "mounts are made in the order in which they are listed",
    cases: ["mounts: binds of directories and files, options, order"],
  },
  {
    section: "config: mounts",
    level: "MUST",
    demand: "the mount options of the table, recursive ones too, have their effect",
    cases: [
      "mounts: binds of directories and files, options, order",
      "test/plan: binds: read-only, recursive, file, propagation, owners through a mapping",
    ],
  },
  {
    section: "config: mounts",
    level: "SHOULD",
    demand: "tmpcopyup copies what the image has at the target",
    cases: ["tmpcopyup fills the new tmpfs with what the image has there"],
  },
  {
    section: "config: mounts",
    level: "MUST",
    demand: "idmap and ridmap show owners through a mapping",
    cases: ["test/plan: binds: read-only, recursive, file, propagation, owners through a mapping"],
  },
  {
    section: "config: process",
    level: "MUST",
    demand: "terminal gives the program a terminal, of consoleSize when given",
    cases: ["create hands the master to the console socket; the size is right from the start"],
  },
  {
    section: "config: process",
    level: "MUST",
    demand: "cwd is absolute and inside of the container",
    cases: [
      identity,
      "refused: a relative working directory",
      "the host's root cannot be reached through the working directory",
    ],
  },
  {
    section: "config: process",
    level: "MUST",
    demand: "args has at least one entry; the first is found as execvp does",
    cases: [
      "without a program the container is refused",
      "a program that is not there, is no file, or may not be executed is told at create",
    ],
  },
  {
    section: "config: process",
    level: "MUST",
    demand: "user, group, additional groups and umask are set",
    cases: [identity],
  },
  {
    section: "config: process",
    level: "MUST",
    demand: "each capability set is what is listed; what cannot be given is a warning",
    cases: ["capabilities are exactly those named, in all five sets"],
  },
  {
    section: "config: process",
    level: "MUST",
    demand: "rlimits are set; an unknown or repeated one is an error",
    cases: ["no_new_privs, limits, OOM score", "refused: an unknown limit"],
  },
  {
    section: "config: process",
    level: "MUST",
    demand: "noNewPrivileges and oomScoreAdj are set",
    cases: ["no_new_privs, limits, OOM score"],
  },
  {
    section: "config: process",
    level: "MUST",
    demand: "apparmorProfile and selinuxLabel are applied or refused",
    cases: ["refused: an AppArmor profile on a host without AppArmor"],
  },
  {
    section: "config: process",
    level: "MUST",
    demand: "scheduler, ioPriority and execCPUAffinity are applied",
    cases: ["scheduler, I/O priority and processors"],
  },
  {
    section: "config: hostname",
    level: "MUST",
    demand: "hostname and domainname are set in a uts namespace, and refused without one",
    cases: [
      "namespaces of its own: PID 1, the configured names, no links but lo",
      "refused: hostname without a uts namespace",
    ],
  },
  {
    section: "config: annotations",
    level: "MUST",
    demand: "unknown annotations are no error",
    cases: [hookOrder],
  },
  {
    section: "config: extensibility",
    level: "MUST",
    demand: "unknown properties are ignored",
    cases: ["unknown properties are ignored"],
  },
  {
    section: "config: values",
    level: "MUST",
    demand: "a valid document with a value that is not supported is an error",
    cases: ["refused: an unknown namespace", "refused: an unknown seccomp action"],
  },
  // config-linux.md
  {
    section: "linux: default devices",
    level: "MUST",
    demand: "null, zero, full, random, urandom, tty, ptmx and the links of /dev are there",
    cases: ["default devices and links"],
  },
  {
    section: "linux: namespaces",
    level: "MUST",
    demand:
      "a namespace without path is new, one with path is joined, one that is not listed is the runtime's",
    cases: [
      "namespaces of its own: PID 1, the configured names, no links but lo",
      "a joined namespace is the other container's",
      "joined namespaces: every kind of a container with a user namespace",
      "joined namespaces: a mount namespace gets the container's root and mounts",
    ],
  },
  {
    section: "linux: namespaces",
    level: "MUST",
    demand: "a path that is no namespace of the kind, or a kind twice, is an error",
    cases: ["refused: a namespace twice", "joined namespaces: a file of another kind is refused"],
  },
  {
    section: "linux: mappings",
    level: "MUST",
    demand: "uidMappings and gidMappings are those of the user namespace",
    cases: ["user namespace: ids are mapped"],
  },
  {
    section: "linux: timeOffsets",
    level: "MUST",
    demand: "a new time namespace counts from its offsets",
    cases: ["test/plan: a time namespace counts from its offset"],
  },
  {
    section: "linux: devices",
    level: "MUST",
    demand: "the listed devices exist with mode and owner",
    cases: ["devices of the configuration, with mode and owner"],
  },
  {
    section: "linux: cgroupsPath",
    level: "MUST",
    demand: "an absolute path counts from the mount point of the hierarchy",
    cases: [cgroups],
  },
  {
    section: "linux: cgroupsPath",
    level: "MUST",
    demand: "the same value is the same group, another value another one",
    cases: [cgroups],
  },
  {
    section: "linux: resources",
    level: "MUST",
    demand: "device rules apply in their order",
    cases: ["device rules: what is denied cannot be opened, default devices always can"],
  },
  {
    section: "linux: resources",
    level: "MUST",
    demand:
      "memory, cpu, pids, blockIO, hugepage, network, rdma and unified limits are set, and what cannot be set is an error",
    cases: [
      cgroups,
      "limits of memory, processor, processes and huge pages",
      "block I/O: bytes and operations per second of a disk",
      "idle and burst",
      "unified: files of version 2, verbatim",
      "network class and priorities on version 1",
      "refused: unified on version 1",
      "refused: an unkillable group on version 2",
      "refused: an RDMA device that there is not",
      "below a group with processes of its own there are no limits, and the error says why",
      "src/linux: cgroup decisions",
    ],
  },
  {
    section: "linux: resources",
    level: "MUST",
    demand: "an update with checkBeforeUpdate refuses a memory limit below what is in use",
    cases: [
      "update: a part of a limit leaves the other part, and a limit below what is in use can be refused",
    ],
  },
  {
    section: "linux: sysctl",
    level: "MUST",
    demand: "namespaced sysctls are set",
    cases: ["sysctls of the container's own namespaces; those of the host are refused"],
  },
  {
    section: "linux: seccomp",
    level: "MUST",
    demand: "the profile acts on the program",
    cases: ["seccomp: the filter acts in the program and in an exec"],
  },
  {
    section: "linux: seccomp",
    level: "MUST",
    demand: "SCMP_ACT_NOTIFY passes the descriptor and the state to listenerPath",
    cases: ["SCMP_ACT_NOTIFY: the agent gets the listener with the state, and decides"],
  },
  {
    section: "linux: rootfsPropagation",
    level: "MUST",
    demand: "the root's propagation is what is asked for",
    cases: ["test/plan: binds: read-only, recursive, file, propagation, owners through a mapping"],
  },
  {
    section: "linux: maskedPaths",
    level: "MUST",
    demand: "masked paths cannot be read, read-only ones not written",
    cases: [
      "masked and read-only paths, read-only root",
      "a null device that is a link does not unmask a kernel file",
    ],
  },
  {
    section: "linux: personality",
    level: "MUST",
    demand: "the execution domain is set",
    cases: ["personality is the program's"],
  },
  {
    section: "linux: memoryPolicy",
    level: "MUST",
    demand: "the NUMA policy is set",
    cases: ["a NUMA policy is set or refused by the kernel"],
  },
  {
    section: "linux: netDevices",
    level: "MUST",
    demand: "host devices move in, keep their addresses and get their names",
    cases: [
      "links move in under their own or another name, are up, and keep MTU, hardware address and lasting addresses",
    ],
  },
  {
    section: "linux: intelRdt",
    level: "MUST",
    demand: "resource control groups are made",
    cases: [],
    note: "not supported: refused with an error that says so",
  },
  // features.md
  {
    section: "features",
    level: "SHOULD",
    demand: "the document names versions, hooks, mount options and what linux can do",
    cases: [
      "features is a document",
      "features: everything that the specification names",
      "features: no key and no word of runc's is missing",
    ],
  },
];

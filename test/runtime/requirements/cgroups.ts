/** config-linux.md: control groups and their controllers */
import { section } from "./row.ts";

const groups = "cgroups: absolute path, limits, update";
const decided = [
  "src/linux: every setting goes to the hierarchy that carries its controller",
  "src/linux: every setting in one directory, in its own units",
] as const;
const files = [groups, ...decided] as const;
const limits = "limits of memory, processor, processes and huge pages";
const unified = "settings of cgroup v2 files for a controller that is not there are an error";
const shown =
  "a mount of type cgroup shows the container's own groups, read-only when asked for, with and without a namespace";
const notOwned = "the groups of a container are not given to its user under cgroup v1";
const owned =
  "under cgroup v2 a writable view of its own group belongs to the container's user, and nothing more";
const onlyV2 = "shown in the machine with cgroup v2 alone (test/vm)";

export const cgroupRequirements = [
  ...section("linux: control groups", [
    [
      "MUST",
      "a group that does not fit is an error, where it is looked at",
      [
        "the group of another container, or above one, is refused: its end would be theirs",
        "pause and resume",
      ],
    ],
    ["MUST", "a mount of type cgroup shows the groups", shown],
  ]),
  ...section("linux: cgroups path", [
    ["MUST", "the path is absolute or relative", groups],
    ["MUST", "an absolute path counts from the mount point of the hierarchy", groups],
    [
      "MAY",
      "a relative path counts from where the runtime says: the same place",
      "a relative path of groups is the same place every time",
    ],
    [
      "MUST",
      "the same value is the same place every time",
      "a relative path of groups is the same place every time",
    ],
    [
      "MAY",
      "without a value the runtime chooses: the container's id",
      "pids of containers are counted in groups of their id when no path is given",
    ],
    ["MUST", "a value that is not valid is an error", "refused: a path of groups that goes up"],
    ["MUST", "groups that do not exist are made", groups],
  ]),
  ...section("linux: cgroup ownership", [
    ["SHOULD", "under cgroup v1 the owner is not changed", notOwned],
    ["SHOULD", "it is not changed without a cgroup namespace of the container's own", owned, onlyV2],
    [
      "SHOULD",
      "it is changed if and only if the groups are mounted writable at /sys/fs/cgroup",
      owned,
      onlyV2,
    ],
    ["SHOULD", "only the directory and the files of /sys/kernel/cgroup/delegate are changed", owned, onlyV2],
    ["MUST", "a file of that list that is not there is no failure", owned, onlyV2],
    [
      "MUST",
      "without that list, cgroup.procs, cgroup.subtree_control and cgroup.threads are meant",
      owned,
      onlyV2,
    ],
  ]),
  ...section("linux: allowed devices", [
    [
      "MUST",
      "rules apply in the order in which they are listed",
      ["device rules: what is denied cannot be opened, default devices always can", ...decided],
    ],
    [
      "MUST",
      "no type, major or minor means all",
      "src/linux: device rules: denied first, then the list, then the standard devices",
    ],
  ]),
  ...section("linux: memory", [
    ["MUST", "limit", [...files, limits]],
    ["MUST", "reservation, swap, swappiness", decided],
    ["MUST", "disableOOMKiller", [...decided, "refused: an unkillable group on version 2"]],
    ["MUST", "-1 is no limit", "src/linux: unlimited and unset values"],
    [
      "MAY",
      "checkBeforeUpdate: a limit below what is used is refused",
      "update: a part of a limit leaves the other part, and a limit below what is in use can be refused",
    ],
    [
      "MAY",
      "kernel, kernelTCP and useHierarchy",
      [],
      "not recommended by the specification; newer kernels have none of them",
    ],
  ]),
  ...section("linux: cpu", [
    ["MUST", "shares, quota, period, cpus, mems", [...decided, limits]],
    ["MUST", "burst and idle", [...decided, "idle and burst"]],
    ["MUST", "realtimeRuntime and realtimePeriod", decided],
  ]),
  ...section("linux: block I/O", [
    ["MUST", "weight and leafWeight of the group and of devices", decided],
    [
      "MUST",
      "throttles of bytes and operations per second",
      [...decided, "block I/O: bytes and operations per second of a disk"],
    ],
  ]),
  ...section("linux: huge page limits", [
    ["MUST", "limits of reservations, where the kernel has them, else of use", [...decided, limits]],
  ]),
  ...section("linux: network", [
    [
      "MUST",
      "classID and priorities",
      [...decided, "network class and priorities on version 1"],
      "cgroup v1 alone has them",
    ],
  ]),
  ...section("linux: pids", [
    ["MUST", "limit, -1 for none", [...files, limits]],
    [
      "SHOULD",
      "0 is a limit (since 1.3)",
      "a limit of no processes lets none be made, one below it is no limit",
    ],
  ]),
  ...section("linux: rdma", [
    [
      "MUST",
      "hcaHandles and hcaObjects by device",
      [...decided, "refused: an RDMA device that there is not"],
    ],
  ]),
  ...section("linux: unified", [
    [
      "MUST",
      "the controllers that are needed are enabled",
      "src/kernel: controllers are delegated and limits arrive",
      onlyV2,
    ],
    [
      "MUST",
      "files that the runtime does not know are written all the same",
      ["unified: files of version 2, verbatim", "src/kernel: a file of the unified map is written as it is"],
      onlyV2,
    ],
    [
      "MUST",
      "a controller that is not there, or cannot be enabled, is an error",
      [
        unified,
        "refused: unified on version 1",
        "below a group with processes of its own there are no limits, and the error says why",
      ],
    ],
    ["MAY", "properties of cgroup v1 are converted to v2", decided],
    [
      "MUST",
      "what cannot be converted is an error",
      "refused: network classes where there are none",
      "network alone has no place in v2",
    ],
  ]),
];

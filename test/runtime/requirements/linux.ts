/** config-linux.md, without control groups, Intel RDT and seccomp */
import { type Requirement, section } from "./row.ts";

const inherited = "a namespace that is listed is new, one that is not is the runtime's";
const inheritedMounts = "without a mount namespace the program is in the caller's, in its own root";
const joined = "every kind but mount is joined by its path";
const wrongPath = "a path of another kind, of no namespace, or a relative one is an error";
const devices = "devices: character, unbuffered, block, fifo; anywhere; mode, owner and numbers";
const defaults = [
  "default devices and links",
  "the default devices are there without a mount at /dev too",
] as const;
const moved =
  "links move in under their own or another name, are up, and keep MTU, hardware address and lasting addresses";
const refusedLinks =
  "a link that is not there, or a name that is taken, is an error, and every link is still the host's as it was";
const sysctls =
  "sysctls: of the network, of ipc, with dots and slashes; of the host or of no name are errors";
const fileSystems = "/proc, /sys, /dev/pts and /dev/shm are what they are named after";
const clocks = "the clocks of a new time namespace are off by what is asked for";
const rootKinds = "rootfsPropagation: the root mount is of the kind that is asked for";
const policy = "a NUMA policy: each mode, nodes and flags";

function namespaceKinds(): Requirement[] {
  const kinds = ["pid", "network", "mount", "ipc", "uts", "cgroup"] as const;
  return section("linux: namespaces", [
    ...kinds.map((kind) => ["SHOULD", `type ${kind}`, inherited] as const),
    ["SHOULD", "type user", "user namespace: ids are mapped"],
    ["SHOULD", "type time", clocks],
  ]);
}

export const linuxRequirements = [
  ...section("linux: default file systems", [
    ["SHOULD", "/proc is proc", fileSystems],
    ["SHOULD", "/sys is sysfs", fileSystems],
    ["SHOULD", "/dev/pts is devpts", fileSystems],
    ["SHOULD", "/dev/shm is tmpfs", fileSystems],
  ]),
  ...namespaceKinds(),
  ...section("linux: namespaces", [
    ["MUST", "path is absolute", "refused: a relative namespace path"],
    [
      "MUST",
      "the process is in the namespace of the path",
      [joined, "joined namespaces: a mount namespace gets the container's root and mounts"],
    ],
    ["MUST", "a path that is no namespace of the type is an error", wrongPath],
    ["MUST", "without path the namespace is new", inherited],
    [
      "MUST",
      "a type that is not listed is the runtime's",
      [inherited, inheritedMounts],
      "without mount the container's root and mounts are attached nowhere, so they are not the host's as they are with the other runtimes; what needs a mount namespace is refused",
    ],
    ["MUST", "a type twice is an error", "refused: a namespace twice"],
  ]),
  ...section("linux: user namespace mappings", [
    [
      "MUST",
      "uidMappings and gidMappings are those of the user namespace",
      "mappings: several ranges, files of the image keep their owners",
    ],
    [
      "SHOULD",
      "owners of files are not changed for the mapping's sake",
      "mappings: several ranges, files of the image keep their owners",
    ],
  ]),
  ...section("linux: offsets for the time namespace", [
    ["MUST", "monotonic and boottime are off by secs and nanosecs", clocks],
    ["MUST", "a clock that there is not is an error", clocks],
  ]),
  ...section("linux: devices", [
    ["MUST", "the listed devices are in the container", devices],
    ["MUST", "type is c, b, u or p", devices],
    [
      "MUST",
      "a file at the path that is not the device is an error",
      "a file at the path of a device that is not that device is an error",
    ],
    ["MAY", "a path may be anywhere", devices],
    ["MUST", "major and minor are those of the node", devices],
    ["MUST", "fileMode is its mode", devices],
    ["MUST", "uid and gid, of the container's namespace, are its owner", devices],
    [
      "MUST",
      "no other device can be used when rules say so",
      "device rules: what is denied cannot be opened, default devices always can",
    ],
  ]),
  ...section("linux: default devices", [
    ["MUST", "/dev/null", defaults],
    ["MUST", "/dev/zero", defaults],
    ["MUST", "/dev/full", defaults],
    ["MUST", "/dev/random", defaults],
    ["MUST", "/dev/urandom", defaults],
    ["MUST", "/dev/tty", defaults],
    [
      "MUST",
      "/dev/console is the terminal when the process has one",
      [
        "/dev/console is the terminal of a container that has one, and only then",
        "create hands the master to the console socket; the size is right from the start",
      ],
    ],
    ["MUST", "/dev/ptmx is /dev/pts/ptmx", defaults],
  ]),
  ...section("linux: network devices", [
    ["MUST", "the listed devices are in the container", moved],
    ["MUST", "name is the name inside, else it is the host's", moved],
    ["MUST", "it is checked that the device can move", refusedLinks],
    ["MUST", "a name that is taken inside is an error", refusedLinks],
    [
      "MUST",
      "a name that ends in %d is completed by the kernel",
      "a name that ends in %d is completed by the kernel",
    ],
    ["MUST", "attributes of the device are preserved", moved],
    ["MUST", "permanent addresses of global scope, of every family, are preserved", moved],
    ["MUST", "the device is up inside", moved],
    [
      "MUST",
      "what becomes of it inside is not the runtime's business",
      "when the container ends the kernel takes the links, the runtime does not",
    ],
    [
      "MUST",
      "it is not moved out again before the namespace is deleted",
      "when the container ends the kernel takes the links, the runtime does not",
    ],
  ]),
  ...section("linux: memory policy", [
    ["MUST", "mode, nodes and flags are those of set_mempolicy(2)", policy],
    [
      "MUST",
      "a mode, node or flag that there is not is an error",
      "refused: a NUMA policy that there is not",
    ],
  ]),
  ...section("linux: sysctl", [
    ["MUST", "the parameters are set in the container", sysctls],
    [
      "MUST",
      "what is not separate for each container is an error",
      [sysctls, "a sysctl of a namespace that is the host's is an error"],
    ],
  ]),
  ...section("linux: rootfs mount propagation", [
    ["MUST", "shared: the root is in a peer group of its own", rootKinds],
    [
      "MUST",
      "slave: mounts of the host arrive, none go back",
      [rootKinds, "rootfsPropagation slave: a mount of the host arrives in the container, none goes back"],
    ],
    ["MUST", "private: no mounts arrive and none go out", rootKinds],
    ["MUST", "unbindable: private, and cannot be bound", rootKinds],
  ]),
  ...section("linux: masked and read-only paths", [
    [
      "MUST",
      "masked paths cannot be read",
      [
        "masked paths: files read as nothing, directories as empty, missing ones are no error",
        "a null device that is a link does not unmask a kernel file",
      ],
    ],
    [
      "MUST",
      "read-only paths cannot be written to",
      "read-only paths: files and directories cannot be written, missing ones are no error",
    ],
    [
      "MUST",
      "what is mounted below a read-only path cannot either",
      "what is mounted below a read-only path cannot be written either",
    ],
    ["MUST", "such paths are absolute", "refused: a masked path that is relative"],
  ]),
  ...section("linux: mount label", [
    [
      "MUST",
      "mounts get the SELinux context",
      "a label of mounts on a host without SELinux",
      "no machine with SELinux to show it on",
    ],
  ]),
  ...section("linux: personality", [
    ["MUST", "domain is the execution domain", "personality is the program's"],
    ["MUST", "domain is that of a later exec too", "personality is that of a program of exec too"],
    ["MUST", "there are no flags yet: one is an error", "refused: a personality with flags"],
  ]),
];

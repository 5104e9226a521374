/** config.md: process */
import { section } from "./row.ts";

const identity = "identity: user, groups, umask, working directory, environment";
const words = "env is what the program sees; args are given as they are; the first is looked up in PATH";
const limits = "every limit that Linux has is set to exactly what is asked for";
const limitErrors = "a limit twice, or one that is above what the host lets us set, is an error";
const capabilities = "capabilities are exactly those named, in all five sets";
const policies = "scheduler: each policy with nice value, priority and flags";
const policyErrors = "scheduler: what there is not, or what the kernel refuses, is an error";
const ioPriorities = "ioPriority: each class and its levels; others are errors";
const affinity = "execCPUAffinity: the final processors are an exec's, not the main process's";

export const processRequirements = [
  ...section("config: process", [
    [
      "MUST",
      "process is needed for start, not for create",
      "a container can be created without a process, and only its start is an error",
    ],
    [
      "MUST",
      "with terminal the program's streams are a pseudo terminal",
      "create hands the master to the console socket; the size is right from the start",
    ],
    [
      "MUST",
      "consoleSize is the terminal's size",
      "create hands the master to the console socket; the size is right from the start",
    ],
    ["MUST", "consoleSize is ignored without a terminal", "consoleSize without a terminal is ignored"],
    ["MUST", "cwd is absolute", "refused: a relative working directory"],
    [
      "MUST",
      "cwd is the program's working directory, inside of the container",
      [identity, "the host's root cannot be reached through the working directory"],
    ],
    ["MUST", "env is the program's environment", words],
    ["MUST", "args has at least one entry", "without a program the container is refused"],
    [
      "MUST",
      "the first of args is found as execvp does, the others are arguments",
      [words, "a program that is not there, is no file, or may not be executed is told at create"],
    ],
    ["MUST", "commandLine is for another platform and ignored", "unknown properties are ignored"],
  ]),
  ...section("config: rlimits", [
    ["MUST", "a type that maps to no kernel interface is an error", "refused: an unknown limit"],
    ["MUST", "every type of getrlimit(2) can be set", limits],
    ["MUST", "soft is exactly the soft limit", limits],
    ["MUST", "hard is exactly the hard limit, or it is an error", [limits, limitErrors]],
    ["MUST", "a type twice is an error", limitErrors],
  ]),
  ...section("config: Linux process", [
    [
      "MUST",
      "apparmorProfile is the program's profile, or it is an error",
      [
        "refused: an AppArmor profile on a host without AppArmor",
        "the program runs under the profile of the configuration, an exec under the same or its own",
        "a profile that is not loaded is refused, and nothing is left",
      ],
      "AppArmor is on in the machines of test/vm",
    ],
    [
      "MUST",
      "a capability that there is not, or that cannot be given, is a warning",
      "capabilities that there are not are a warning, the others are given",
    ],
    [
      "SHOULD",
      "such a capability is no failure",
      "capabilities that there are not are a warning, the others are given",
    ],
    ["MUST", "effective is the effective set", capabilities],
    ["MUST", "bounding is the bounding set", capabilities],
    ["MUST", "inheritable is the inheritable set", capabilities],
    ["MUST", "permitted is the permitted set", capabilities],
    ["MUST", "ambient is the ambient set", capabilities],
    [
      "MUST",
      "noNewPrivileges keeps the program from gaining privileges",
      [
        "no_new_privs, limits, OOM score",
        "without capabilities the program has none; set-uid programs gain nothing with noNewPrivileges",
      ],
    ],
    ["MUST", "oomScoreAdj is set to the value", "oomScoreAdj is left alone when it is not set"],
    ["MUST", "without it the score is not changed", "oomScoreAdj is left alone when it is not set"],
    ["MUST", "scheduler.policy is the policy", policies],
    ["MUST", "scheduler.nice is the nice value, 0 when not set", policies],
    ["MUST", "scheduler.priority is the priority, 0 when not set", policies],
    ["MUST", "scheduler.flags are the flags", [policies, policyErrors]],
    [
      "MUST",
      "scheduler.runtime, deadline and period are those of the deadline policy, 0 when not set",
      policyErrors,
    ],
    [
      "MUST",
      "selinuxLabel is the program's label, or it is an error",
      "refused: an SELinux label on a host without SELinux",
    ],
    ["MUST", "ioPriority.class is the class", ioPriorities],
    ["MUST", "ioPriority.priority is the level, 0 to 7", ioPriorities],
    ["MUST", "execCPUAffinity is not for the container's first process", affinity],
    [
      "MUST",
      "execCPUAffinity.initial is where the runtime's process begins",
      "scheduler, I/O priority and processors",
    ],
    ["MUST", "execCPUAffinity.final is where the process runs", affinity],
    ["SHOULD", "without final the kernel decides", affinity],
  ]),
  ...section("config: user", [
    [
      "MUST",
      "uid and gid are those of the container's namespace",
      [identity, "mappings: several ranges, files of the image keep their owners"],
    ],
    [
      "SHOULD",
      "umask is the program's; without it the caller's stays",
      identity,
      "without it 022, as the other runtimes have it: images count on that",
    ],
    ["MUST", "additionalGids are groups of the program", identity],
    [
      "MUST",
      "an id that the namespace does not map is an error",
      "an id that the mapping does not cover is an error",
    ],
  ]),
];

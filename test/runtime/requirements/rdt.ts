/** config-linux.md: Intel RDT. No machine with it: decisions, and files in directories of resctrl's shape. */
import { section } from "./row.ts";

const refused = "without a mounted resctrl a container that wants Intel RDT is refused, and nothing is left";
const classes =
  "src/linux: without a name the class is the container's own, a named one is not, / is the default class";
const order = "src/linux: cache, memory, then schemata; MB: lines of the cache's text are left out";
const compared = "src/kernel: a class that is there is compared, not written";
const entered = "src/kernel: the process goes into the class; statistics come from its monitoring data";
const kernelSays =
  "src/kernel: a class that the kernel refuses is named with the kernel's reason, and its undo is known";
const monitored = "src/kernel: a monitoring group is made for the process and removed";

export const rdtRequirements = [
  ...section("linux: Intel RDT", [
    ["MUST", "without a mounted resctrl it is an error", refused],
    ["MUST", "the container's process is written to tasks of its group", entered],
    ["MUST", "without intelRdt no resctrl is touched", [], "nothing else leads to the code that does"],
    ["MUST", "closID / is the default group", classes],
    ["MUST", "l3CacheSchema is written first, memBwSchema after it, schemata last", order],
    ["MUST", "without any of them no schemata is written", [classes, compared]],
    ["MUST", "without closID the group is named after the container and made", [classes, kernelSays]],
    [
      "MUST",
      "with closID and schemata a group that is missing is made, one that is there must match",
      [
        compared,
        "src/linux: a class that is there agrees however the kernel writes it, and disagrees line by line",
      ],
    ],
    ["MUST", "with closID alone the group must be there", compared],
    ["MUST", "a group that was made for the container goes with it, no other", [classes, kernelSays]],
    ["MUST", "enableMonitoring makes a monitoring group of the container's name, and removes it", monitored],
    ["MUST", "a monitoring group that cannot be made is an error", monitored],
  ]),
];

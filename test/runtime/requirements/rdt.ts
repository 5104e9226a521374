/** config-linux.md: Intel RDT. No machine with it to show more on than the refusal. */
import { section } from "./row.ts";

const refused = "refused: resource control on a host without resctrl";

export const rdtRequirements = [
  ...section("linux: Intel RDT", [
    ["MUST", "without a mounted resctrl it is an error", refused],
    ["MUST", "the container's process is written to tasks of its group", [], "refused: not supported"],
    ["MUST", "without intelRdt no resctrl is touched", refused],
    ["MUST", "closID / is the default group", [], "refused: not supported"],
    [
      "MUST",
      "l3CacheSchema is written first, memBwSchema after it, schemata last",
      [],
      "refused: not supported",
    ],
    ["MUST", "without any of them no schemata is written", [], "refused: not supported"],
    ["MUST", "without closID the group is named after the container and made", [], "refused: not supported"],
    [
      "MUST",
      "with closID and schemata a group that is missing is made, one that is there must match",
      [],
      "refused: not supported",
    ],
    ["MUST", "with closID alone the group must be there", [], "refused: not supported"],
    ["MUST", "a group that was made for the container goes with it, no other", [], "refused: not supported"],
    [
      "MUST",
      "enableMonitoring makes a monitoring group of the container's name, and removes it",
      [],
      "refused: not supported",
    ],
    ["MUST", "a monitoring group that cannot be made is an error", [], "refused: not supported"],
  ]),
];

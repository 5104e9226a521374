/** features.md and features-linux.md */
import { section } from "./row.ts";

const document = "features is a document";
const versions = "versions from the least to the most that features names are taken";
const listed = "every capability and namespace that features names is taken";
const seccomp = "every architecture, flag, action and operator that features names is taken";

export const featureRequirements = [
  ...section("features", [
    ["SHOULD", "the content does not depend on the host", document],
    ["MUST", "ociVersionMin is there, and taken as a version", versions],
    ["MUST", "ociVersionMax is there, and taken as a version, and not less than the least", versions],
    [
      "MUST",
      "no property is there that this version does not define",
      "features: everything that the specification names",
    ],
    [
      "MUST",
      "hooks that are listed are supported",
      [
        "run in the order of the specification, with the state on stdin",
        "startContainer runs in the container, after start and before the program",
      ],
    ],
    ["MUST", "mount options that are listed are known", "every mount option that features names is taken"],
    ["SHOULD", "options of file systems are not listed", "every mount option that features names is taken"],
  ]),
  ...section("features: linux", [
    ["MUST", "namespaces that are listed are known", listed],
    ["MUST", "capabilities that are listed are known", listed],
    ["MUST", "seccomp actions that are listed are known", [seccomp, "each action has its effect"]],
    ["MUST", "seccomp operators that are listed are known", seccomp],
    ["MUST", "seccomp architectures that are listed are known", seccomp],
    ["MUST", "seccomp flags that are listed as known are known", seccomp],
    ["MUST", "seccomp flags that are listed as supported are supported", seccomp],
    [
      "MUST",
      "modes and flags of memory policies that are listed are known",
      "a NUMA policy: each mode, nodes and flags",
    ],
    [
      "MUST",
      "mountExtensions.idmap is said where mappings of mounts are read",
      [
        "features is a document",
        "idmap: owners through the mount's own mapping, or the container's; without any it is an error",
      ],
    ],
  ]),
];

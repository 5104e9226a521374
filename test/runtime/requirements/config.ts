/** config.md, without mounts, process and hooks */
import { section } from "./row.ts";

export const configRequirements = [
  ...section("config: specification version", [
    [
      "MUST",
      "ociVersion is there and a semantic version",
      ["refused: no version", "another version, or what is no version, is refused"],
    ],
    [
      "MUST",
      "every 1.x is taken: versions are compatible both ways within 1",
      "every version 1 of the specification is taken, releases and others",
    ],
    [
      "MUST",
      "a version that is not supported is an error",
      "another version, or what is no version, is refused",
    ],
  ]),
  ...section("config: root", [
    ["MUST", "root is there", "refused: no root"],
    [
      "MUST",
      "root.path is absolute, or counts from the bundle",
      "root.path is absolute or counts from the bundle; what is no directory is refused",
    ],
    [
      "MUST",
      "root.path is a directory",
      [
        "refused: a root that is not there",
        "root.path is absolute or counts from the bundle; what is no directory is refused",
      ],
    ],
    [
      "MUST",
      "with readonly the root cannot be written to inside",
      "masked and read-only paths, read-only root",
    ],
  ]),
  ...section("config: hostname, domainname", [
    [
      "MUST",
      "hostname is the container's",
      [
        "namespaces of its own: PID 1, the configured names, no links but lo",
        "refused: hostname without a uts namespace",
      ],
      "where the uts namespace is the host's it is refused, as the other runtimes do: it would rename the host",
    ],
    ["MUST", "domainname is the container's", "domainname is the container's"],
  ]),
  ...section("config: annotations", [
    [
      "MUST",
      "unknown keys are no error",
      "annotations of every kind of key are part of the state, with the version that it complies with",
    ],
    [
      "MUST",
      "empty values are values",
      "annotations of every kind of key are part of the state, with the version that it complies with",
    ],
  ]),
  ...section("config: extensibility", [
    ["MUST", "properties that are unknown are ignored and no error", "unknown properties are ignored"],
  ]),
  ...section("config: valid values", [
    [
      "MUST",
      "values that are invalid or not supported are an error",
      [
        "refused: an unknown namespace",
        "refused: an unknown seccomp action",
        "refused: a negative id",
        "refused: an id beyond 32 bits",
        "a filter with something that there is not is refused",
      ],
    ],
  ]),
];

/** bundle.md, glossary.md, runtime.md and runtime-linux.md */
import { section } from "./row.ts";

const lifecycle = "created, running, stopped, deleted";
const failedCreate = "a failed create leaves nothing and frees the id";
const hookFailure = "a failing hook before the program ends the creation, nothing is left";
const noId = "a command that gets no id is an error";
const noContainer = "commands about no container fail with 1 and say so";
const links = "default devices and links";
const stoppedOnly =
  "state has no pid of a process that has ended; a created one can be killed, a stopped one cannot";
const unchanged = "a start, or a delete, of what runs changes nothing";
const hookMoments = "every hook is told the status of its moment, and the pid as it is where the hook runs";

export const runtimeRequirements = [
  ...section("glossary: JSON", [
    ["MUST", "a configuration that is not UTF-8 is no configuration", "bytes that are not UTF-8 in a name"],
    ["MUST", "the order of the entries of an object means nothing", "unknown properties are ignored"],
  ]),
  ...section("bundle", [
    [
      "MUST",
      "config.json is in the bundle's directory, under that name",
      "create without a bundle is an error",
    ],
    [
      "MUST",
      "the root file system is at root.path, found from the bundle's directory",
      "root.path is absolute or counts from the bundle; what is no directory is refused",
    ],
  ]),
  ...section("runtime: scope of a container", [
    ["MUST", "who has created a container can use every operation on it", lifecycle],
  ]),
  ...section("runtime: state", [
    [
      "MUST",
      "ociVersion is that of the specification which the state complies with",
      "annotations of every kind of key are part of the state, with the version that it complies with",
    ],
    ["MUST", "id is the container's, unique on this host within the runtime's root", "an id is taken once"],
    ["MUST", "status is creating while the container is created", hookMoments],
    ["MUST", "status is created until the program has been executed", lifecycle],
    ["MUST", "status is running once the program has been executed and until it ends", lifecycle],
    ["MUST", "status is stopped once the process has ended", lifecycle],
    ["MUST", "further values stand for states that are none of these", "pause and resume"],
    ["MUST", "pid is there when the status is created or running", [lifecycle, stoppedOnly]],
    ["MUST", "hooks on the host are told the pid as the host sees it", hookMoments],
    ["MUST", "hooks in the container are told the pid as the container sees it", hookMoments],
    ["MUST", "bundle is the absolute path of the bundle", lifecycle],
    [
      "SHOULD",
      "annotations are those of the configuration",
      "annotations of every kind of key are part of the state, with the version that it complies with",
    ],
  ]),
  ...section("runtime: lifecycle", [
    ["MUST", "the environment is made as the configuration says", lifecycle],
    ["MUST", "what cannot be made is an error", [failedCreate, "refused: an unknown limit"]],
    ["MUST", "the program is not run by create", lifecycle],
    [
      "MUST",
      "later changes of config.json have no effect on the container",
      [
        "the configuration that was created is the one that is started",
        "an exec takes the process that was created, whatever config.json says by then",
      ],
    ],
    [
      "MUST",
      "prestart hooks are invoked; a failing one is an error, and the container is stopped and destroyed",
      hookFailure,
    ],
    [
      "MUST",
      "createRuntime hooks are invoked; a failing one is an error, and the container is stopped and destroyed",
      hookFailure,
    ],
    [
      "MUST",
      "createContainer hooks are invoked; a failing one is an error, and the container is stopped and destroyed",
      hookFailure,
    ],
    [
      "MUST",
      "startContainer hooks are invoked; a failing one is an error, and the container is stopped and destroyed",
      "a failing startContainer hook: start is an error, the container is destroyed, the program never runs",
    ],
    ["MUST", "the program is run by start", lifecycle],
    [
      "MUST",
      "poststart hooks are invoked; a failing one is an error, and the container is stopped and destroyed (since 1.3)",
      "a failing poststart hook: start is an error, the container is stopped and destroyed",
    ],
    ["MUST", "delete undoes what create has done", lifecycle],
    [
      "MUST",
      "poststop hooks are invoked, after a failed hook as well",
      [
        "run in the order of the specification, with the state on stdin",
        "a failing hook before the program: no hook after it but poststop runs",
      ],
    ],
    [
      "MUST",
      "a failing poststop hook is a warning, the others run and the container is deleted",
      "a failing poststop does not keep the container from being deleted",
    ],
  ]),
  ...section("runtime: errors", [
    [
      "MUST",
      "an error leaves everything as if the operation had not been tried",
      [
        failedCreate,
        hookFailure,
        "a link that is not there, or a name that is taken, is an error, and every link is still the host's as it was",
      ],
    ],
  ]),
  ...section("runtime: warnings", [
    [
      "MUST",
      "an operation that warns goes on as if it had not",
      [
        "a failing poststop does not keep the container from being deleted",
        "capabilities that there are not are a warning, the others are given",
      ],
    ],
  ]),
  ...section("runtime: operations", [
    ["MUST", "state, create, start, kill and delete are there", lifecycle],
    [
      "MUST",
      "two operations at once end in a state that one after the other could reach",
      ["of two that claim one id, one gets it", "many at once: each gets its own answer, nothing is left"],
    ],
  ]),
  ...section("runtime: query state", [
    ["MUST", "without an id it is an error", noId],
    ["MUST", "for a container that does not exist it is an error", noContainer],
    ["MUST", "it returns the state", lifecycle],
  ]),
  ...section("runtime: create", [
    ["MUST", "without an id it is an error", noId],
    ["MUST", "without a bundle it is an error", "create without a bundle is an error"],
    ["MUST", "an id that is in use is an error, and nothing is created", "an id is taken once"],
    [
      "MUST",
      "an id that is not valid is an error, and nothing is created",
      "ids that are no names are refused",
    ],
    ["MUST", "it creates a container", lifecycle],
    ["MUST", "every property but process is applied", lifecycle],
    ["MUST", "process.args is not applied until start", lifecycle],
    [
      "MUST",
      "a property that cannot be applied is an error, and nothing is created",
      [
        failedCreate,
        "refused: a mount source that is not there",
        "refused: hostname without a uts namespace",
      ],
    ],
    ["MUST", "after it the status is created", lifecycle],
  ]),
  ...section("runtime: start", [
    ["MUST", "without an id it is an error", noId],
    ["MUST", "for a container that does not exist it is an error", noContainer],
    [
      "MUST",
      "for a container that is not created it is an error and without effect",
      [unchanged, stoppedOnly],
    ],
    ["MUST", "it runs the program", lifecycle],
    [
      "MUST",
      "it is an error when process was not set",
      "a container can be created without a process, and only its start is an error",
    ],
  ]),
  ...section("runtime: kill", [
    ["MUST", "without an id it is an error", noId],
    [
      "MUST",
      "for a container that is neither created nor running it is an error and without effect",
      stoppedOnly,
    ],
    [
      "MUST",
      "it sends the signal to the container's process",
      "kill sends the signal that it is told, TERM unless told",
    ],
  ]),
  ...section("runtime: delete", [
    ["MUST", "without an id it is an error", noId],
    ["MUST", "for a container that does not exist it is an error", noContainer],
    [
      "MUST",
      "for a container that is not stopped it is an error and without effect",
      [unchanged, "a created container is not deleted without force"],
    ],
    ["MUST", "it deletes what create has made", lifecycle],
    [
      "MUST",
      "it leaves what the container uses but create has not made",
      [
        "what a container uses but has not made is still there after it: binds, joined namespaces, its root",
        "a joined namespace is the other container's",
      ],
    ],
    ["MAY", "the id may be used again", failedCreate],
  ]),
  ...section("runtime-linux: file descriptors", [
    [
      "MUST",
      "only standard input, output and error are open in the program, and what is to be preserved",
      [
        "only the standard descriptors reach the program; preserved ones too",
        "of a caller that leaks a program gets its standard streams and nothing else",
      ],
    ],
  ]),
  ...section("runtime-linux: symbolic links of /dev", [
    ["MUST", "/dev/fd leads to /proc/self/fd", links],
    ["MUST", "/dev/stdin leads to /proc/self/fd/0", links],
    ["MUST", "/dev/stdout leads to /proc/self/fd/1", links],
    [
      "MUST",
      "/dev/stderr leads to /proc/self/fd/2",
      [links, "the default devices are there without a mount at /dev too"],
    ],
  ]),
];

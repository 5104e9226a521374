/** config.md: POSIX-platform hooks */
import { section } from "./row.ts";

const order = "run in the order of the specification, with the state on stdin";
const inContainer = "startContainer runs in the container, after start and before the program";
const createContainer = "createContainer sees the container's namespaces and the host's programs";
const beforePivot = "createRuntime runs while the host's root is in reach and the namespaces are made";

export const hookRequirements = [
  ...section("config: hooks", [
    ["MUST", "path is absolute", "refused: a hook that is not absolute"],
    [
      "MUST",
      "args are the hook's arguments, the first its name",
      "a hook gets its own arguments and environment and nothing of ours",
    ],
    [
      "MUST",
      "env is the hook's environment",
      "a hook gets its own arguments and environment and nothing of ours",
    ],
    [
      "MUST",
      "a hook that is not done after timeout seconds is ended, and has failed",
      ["a hook that takes too long is ended", "the time limit of a hook in the container is kept too"],
    ],
    ["MUST", "timeout is greater than zero", "refused: a hook without time"],
    [
      "MUST",
      "hooks of a kind are called in the order in which they are listed",
      "several hooks of a kind run one after the other, a missing program is a failure",
    ],
    ["MUST", "the state is passed on standard input", order],
  ]),
  ...section("config: hooks, prestart", [
    ["MUST", "called by create, after the environment is made and before pivot_root", order],
    ["MUST", "called before createRuntime hooks", order],
    ["MUST", "path is the runtime's", order],
    ["MUST", "executed in the runtime's namespaces", order],
  ]),
  ...section("config: hooks, createRuntime", [
    ["MUST", "called by create, after the environment is made and before pivot_root", beforePivot],
    ["MUST", "path is the runtime's", order],
    ["MUST", "executed in the runtime's namespaces", beforePivot],
  ]),
  ...section("config: hooks, createContainer", [
    ["MUST", "called by create, after the environment is made and before pivot_root", createContainer],
    ["MUST", "called after createRuntime hooks", order],
    ["MUST", "path is the runtime's", createContainer],
    ["MUST", "executed in the container's namespaces", createContainer],
  ]),
  ...section("config: hooks, startContainer", [
    ["MUST", "called by start, before the program is executed", inContainer],
    ["MUST", "path is the container's", inContainer],
    ["MUST", "executed in the container's namespaces", inContainer],
  ]),
  ...section("config: hooks, poststart", [
    ["MUST", "called after the program is executed and before start returns", order],
    ["MUST", "path is the runtime's", order],
    ["MUST", "executed in the runtime's namespaces", order],
  ]),
  ...section("config: hooks, poststop", [
    ["MUST", "called after the container is deleted and before delete returns", order],
    ["MUST", "path is the runtime's", order],
    ["MUST", "executed in the runtime's namespaces", order],
  ]),
];

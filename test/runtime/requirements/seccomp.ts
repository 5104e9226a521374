/** config-linux.md: seccomp and the container process state */
import { type Requirement, section } from "./row.ts";

const actions = "each action has its effect";
const operators = "each operator compares as it is named, conditions of a rule hold together";
const refusals = "a filter with something that there is not is refused";
const flags = "flags of the specification are taken";
const agent = "SCMP_ACT_NOTIFY: the agent gets the listener with the state, and decides";
const noAgent = "SCMP_ACT_NOTIFY without an agent is refused";

function each(list: string, prefix: string, shown: string): Requirement[] {
  return section(
    "linux: seccomp",
    list.split(" ").map((word) => ["MUST", `${prefix}${word}`, shown] as const),
  );
}

export const seccompRequirements = [
  ...section("linux: seccomp", [
    [
      "MUST",
      "the filter acts on the program and on what exec runs",
      "seccomp: the filter acts in the program and in an exec",
    ],
    [
      "MUST",
      "defaultAction is for calls that no rule names",
      "defaultErrnoRet is what a call that no rule names gets",
    ],
    [
      "MUST",
      "defaultErrnoRet is its number, EPERM when not set",
      ["defaultErrnoRet is what a call that no rule names gets", actions],
    ],
    ["MUST", "a number with an action that returns none is an error", refusals],
    [
      "MUST",
      "architectures are those whose calls are filtered",
      [
        "several architectures: those that this machine cannot have do no harm",
        "calls of another architecture of this machine are filtered when it is named, and forbidden when not",
      ],
    ],
    ["MUST", "an architecture that there is not is an error", refusals],
  ]),
  ...each("TSYNC LOG SPEC_ALLOW", "SECCOMP_FILTER_FLAG_", flags),
  ...section("linux: seccomp", [
    ["MUST", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "a listener whose questions only a fatal signal ends"],
  ]),
  ...each("KILL KILL_PROCESS TRAP ERRNO TRACE ALLOW LOG", "SCMP_ACT_", actions),
  ...each("KILL_THREAD", "SCMP_ACT_", "SCMP_ACT_KILL_THREAD is what SCMP_ACT_KILL is"),
  ...each("NOTIFY", "SCMP_ACT_", agent),
  ...each("NE LT LE EQ GE GT MASKED_EQ", "SCMP_CMP_", operators),
  ...section("linux: seccomp", [
    ["MUST", "names has at least one entry", refusals],
    ["MUST", "errnoRet is what a refused call returns, EPERM when not set", actions],
    ["MUST", "args compare by index, value, valueTwo and operator", operators],
    ["MUST", "listenerPath is a unix stream socket that gets the state", agent],
    ["MUST", "exactly one state is sent on a connection, which is then closed", agent],
    ["MUST", "a failure to send it is an error", [noAgent, refusals]],
    [
      "MUST",
      "listenerPath is ignored without SCMP_ACT_NOTIFY",
      "a listenerPath without questions is not looked at",
    ],
    ["MUST", "listenerMetadata without listenerPath is an error", refusals],
  ]),
  ...section("linux: container process state", [
    ["MUST", "it is JSON on the socket, the descriptor with it by SCM_RIGHTS in the first message", agent],
    ["MUST", "ociVersion, pid and state are in it", agent],
    ["MUST", "fds names the descriptors, seccompFd is that of the filter", agent],
    ["MUST", "metadata is listenerMetadata", agent],
  ]),
];

/** A network in words: the operations that make it, who asked for each, and how it is made by hand. Pure. */
import { oneLine, quote } from "../../lib/shell-words.ts";
import {
  chapterOfNetworkOp,
  type ExplainedOp,
  type ExplainedPlan,
  type Language,
  languages,
  type NetworkOpName,
  type Origin,
} from "../../plan/mod.ts";
import { decideHandNetwork, switchFunction, withReason } from "./by-hand.ts";
import type { Network } from "./model.ts";
import { netOpScript } from "./net-op-script.ts";
import { type NetOp, targetOf } from "./op.ts";

const byDefault: Origin = { kind: "default" };

/** Which option of `network create` it is due to. */
function originOf(op: NetOp, network: Network): Origin {
  const flag = (text: string): Origin => ({ kind: "flag", text });
  switch (op.op) {
    case "addressAdd":
      return network.subnetChosen ? flag(`--subnet ${network.subnet}`) : byDefault;
    case "address6Add":
      return flag("--ipv6");
    case "underlayAdd":
    case "vxlanPeer":
      return flag(`-d ${network.driver}`);
    case "sysctl":
      return op.name.includes("ipv6") ? flag("--ipv6") : byDefault;
    case "contentsAdd":
      return network.internal ? flag("--internal") : byDefault;
    default:
      return byDefault;
  }
}

export function explainNetworkOps(ops: readonly NetOp[], network: Network): ExplainedOp[] {
  return ops.map((op, index): ExplainedOp => {
    // Whoever adds an operation explains it: the name would not be one of those that have words.
    const name: NetworkOpName = op.op;
    return {
      index: `n${index}`,
      chapter: chapterOfNetworkOp(name),
      stage: "host",
      op: name,
      target: targetOf(op),
      detail: "",
      setting: op.cause,
      origin: originOf(op, network),
      inverse: op.inverse,
      milliseconds: undefined,
      result: undefined,
    };
  });
}

export function explainNetwork(ops: readonly NetOp[], network: Network, language: Language): ExplainedPlan {
  const { words } = languages[language];
  return {
    ops: explainNetworkOps(ops, network),
    warnings: [],
    totalMs: undefined,
    notes: ops.length === 0 ? [words.nothingMade] : [],
  };
}

/** Makes it, and takes it back when its standard input or the script ends. */
export function networkScript(network: Network, language: Language): string {
  const vocabulary = languages[language];
  const { say } = vocabulary;
  const ops = decideHandNetwork(network.id, [], [], { byId: () => network }, [network]);
  return [
    "#!/bin/sh",
    `# ${say("Network {0} ({1}) by hand. Run as root: sh FILE; the end of its input takes all back.", oneLine(network.name), network.id.slice(0, 12))}`,
    "set -eu",
    `[ "$(id -u)" = 0 ] || { echo "$0: ${say("only root can do this")}" >&2; exit 1; }`,
    "for tool in ip nft; do",
    `  command -v "$tool" > /dev/null || { echo "$0: ${say("{0} is missing: it is in Debian's {1}", "$tool", "iproute2, nftables")}" >&2; exit 1; }`,
    "done",
    "taken_back=",
    "later() {",
    '  taken_back="$*',
    '$taken_back"',
    "}",
    "clean_up() {",
    "  trap '' INT TERM HUP",
    '  printf \'%s\\n\' "$taken_back" | while IFS= read -r line; do eval "$line" || :; done',
    "}",
    "trap clean_up EXIT",
    `# ${say("A signal is only noted, so that it never ends the taking back; what waits below ends with it.")}`,
    "stopped=",
    "trap stopped=130 INT",
    "trap stopped=143 TERM HUP",
    ...switchFunction(vocabulary),
    ...ops.flatMap((op) => withReason(op, netOpScript(op, ""), vocabulary)),
    `echo ${quote(say("network {0} is there until this ends", oneLine(network.name)))} >&2`,
    'while [ -z "$stopped" ] && read -r _; do :; done',
    '[ -z "$stopped" ] || exit "$stopped"',
    "",
  ].join("\n");
}

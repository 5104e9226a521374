/** `rule`: which table is asked first. */
import { addressFamilies, formatIpAddress } from "../../linux/netlink/ip-address.ts";
import { decodeRule, dumpRules, type Rule, ruleActions, ruleMessages } from "../../linux/netlink/rule.ts";
import type { WordReader } from "../arguments.ts";
import type { Session } from "../session.ts";

const tableNames: Readonly<Record<number, string>> = { 253: "default", 254: "main", 255: "local" };

function end(
  name: "src" | "dst",
  bytes: Uint8Array | undefined,
  length: number,
): Readonly<Record<string, string | number>> {
  if (bytes === undefined) return name === "src" ? { src: "all" } : {};
  const text = formatIpAddress(bytes);
  return length === bytes.length * 8 ? { [name]: text } : { [name]: text, [`${name}len`]: length };
}

function ruleDocument(rule: Rule): Readonly<Record<string, string | number>> {
  const action = Object.entries(ruleActions).find(([, value]) => value === rule.action)?.[0] ?? "";
  return {
    priority: rule.priority,
    ...end("src", rule.source, rule.sourceLength),
    ...end("dst", rule.destination, rule.destinationLength),
    ...(rule.mark === undefined ? {} : { fwmark: `0x${rule.mark.toString(16)}` }),
    ...(rule.inputLink === undefined ? {} : { iif: rule.inputLink }),
    ...(rule.outputLink === undefined ? {} : { oif: rule.outputLink }),
    ...(rule.action === ruleActions.table
      ? { table: tableNames[rule.table] ?? String(rule.table) }
      : { action }),
  };
}

/** One word for each thing that a rule asks about and one for what it says. */
function ruleText(rule: Rule): string {
  const { priority, src, srclen, dst, dstlen, fwmark, iif, oif, table, action } = ruleDocument(rule);
  const word = (name: string, value: string | number | undefined, length?: string | number): string =>
    value === undefined ? "" : ` ${name} ${value}${length === undefined ? "" : `/${length}`}`;
  const asked = `${word("from", src, srclen)}${word("to", dst, dstlen)}${word("fwmark", fwmark)}${word("iif", iif)}${word("oif", oif)}`;
  return `${priority}:${asked}${table === undefined ? ` ${action}` : word("lookup", table)}`;
}

export function ls(session: Session, words: WordReader): void {
  words.end();
  const family = session.ipv6 ? addressFamilies.inet6 : addressFamilies.inet;
  const rules = session.here.socket.dump(dumpRules(family), (message) =>
    message.type === ruleMessages.new ? decodeRule(message) : undefined,
  );
  session.show(rules.map(ruleDocument), () => rules.map(ruleText));
}

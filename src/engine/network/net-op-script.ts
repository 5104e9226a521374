/**
 * A network operation as lines of shell, by iproute2 and nftables. Total: whoever adds an operation says here how it is done by
 * hand. `later "..."` of the script takes back; what goes with a link or a namespace needs none.
 */
import { quote } from "../../lib/shell-words.ts";
import { formatIpAddress } from "../../linux/netlink/ip-address.ts";
import { formatIpv4, formatMac } from "../../linux/netlink/ipv4.ts";
import { formatIpv6 } from "../../linux/netlink/ipv6.ts";
import type { FieldType, SetDeclaration, TableReference } from "../../linux/netlink/nftables/request.ts";
import { hostRuleset, renderRule, renderRuleset, type SetContent } from "./firewall.ts";
import type { MadeUnderlay } from "./model.ts";
import type { NetOp } from "./op.ts";

/** `namespace`: the name of the container's namespace, as `ip netns` has it. */
export function netOpScript(op: NetOp, namespace: string): string[] {
  const ip = op.in === "host" ? "ip" : `ip -n ${quote(namespace)}`;
  switch (op.op) {
    case "bridgeAdd": {
      const link = quote(op.link);
      return [
        `ip link show ${link} > /dev/null 2>&1 || {`,
        `  ip link add ${link} address ${formatMac(op.mac)}${mtuWords(op.mtu)} type bridge stp_state 0 mcast_snooping 0`,
        `  later "ip link delete ${link}"`,
        "}",
      ];
    }
    case "vethAdd": {
      const mtu = mtuWords(op.mtu);
      const peer = `name ${quote(op.peer)} address ${formatMac(op.peerMac)} netns ${quote(namespace)}${mtu}`;
      const link = quote(op.link);
      return [
        `ip link add ${link}${mtu} type veth peer ${peer}`,
        `later "ip link delete ${link} 2> /dev/null || :"`,
      ];
    }
    case "ipv6Quiet":
      return [`${ip} link set ${quote(op.link)} addrgenmode none || :`];
    case "underlayAdd": {
      const link = quote(op.link);
      return [
        `ip link show ${link} > /dev/null 2>&1 || {`,
        `  ip link add ${underlayWords(op.link, op.made, op.mtu)}`,
        `  later "ip link delete ${link}"`,
        "}",
      ];
    }
    case "vxlanPeer":
      return [
        `bridge fdb append 00:00:00:00:00:00 dev ${quote(op.link)} dst ${formatIpAddress(op.peer)} 2> /dev/null || :`,
      ];
    case "childAdd": {
      const { link, parent, child, mac, mtu } = op;
      const address = child.kind === "ipvlan" ? "" : ` address ${formatMac(mac)}`;
      return [
        `ip link add link ${quote(parent)} name ${quote(link)} netns ${quote(namespace)}${address}${mtuWords(mtu)} type ${child.kind} mode ${child.mode}`,
      ];
    }
    case "defaultRouteByLink":
      return [
        `${ip} route replace default dev ${quote(op.link)}`,
        ...(op.hasIpv6 ? [`${ip} -6 route replace default dev ${quote(op.link)}`] : []),
      ];
    case "bridgePort":
      return [`ip link set ${quote(op.link)} master ${quote(op.bridge)}`];
    case "bridgeHairpin":
      return [`ip link set ${quote(op.link)} type bridge_slave hairpin on`];
    case "bridgeIsolate":
      return [`ip link set ${quote(op.link)} type bridge_slave isolated on`];
    case "neighbourForget":
      return [`ip neighbour delete ${formatIpv4(op.address)} dev ${quote(op.link)} 2> /dev/null || :`];
    case "linkUp":
      return [`${ip} link set ${quote(op.link)} up`];
    case "linkSettle":
      return [`until ${ip} link show ${quote(op.link)} | grep -q -e LOWER_UP; do sleep 0.05; done`];
    case "linkDelete":
      return [`${ip} link delete ${quote(op.link)}`];
    case "linksDelete":
      return op.links.map((link) => `${ip} link delete ${quote(link)}`);
    case "addressAdd": {
      const broadcast = op.prefixLength > 30 ? "" : " broadcast +";
      const address = `${formatIpv4(op.address)}/${op.prefixLength}`;
      return [`${ip} address replace ${address}${broadcast} dev ${quote(op.link)}`];
    }
    case "addressDelete":
      return [`${ip} address delete ${formatIpv4(op.address)}/${op.prefixLength} dev ${quote(op.link)}`];
    case "address6Add":
      return [
        `${ip} address replace ${formatIpv6(op.address)}/${op.prefixLength} dev ${quote(op.link)} nodad`,
      ];
    case "defaultRoute":
      return [`${ip} route replace default via ${formatIpv4(op.gateway)}`];
    case "defaultRoute6":
      return [`${ip} -6 route replace default via ${formatIpv6(op.gateway)}`];
    case "announce":
      // Neighbours that knew another MAC learn this one by the first packet that the container sends.
      return [
        `ip netns exec ${quote(namespace)} sh -c 'command -v arping > /dev/null || exit 0; arping -q -c 1 -U -I "$1" "$2" || :' - ${quote(op.link)} ${op.addresses.map(formatIpAddress)[0] ?? ""}`,
      ];
    case "sysctl": {
      const place = quote(`/proc/sys/${op.name}`);
      if (op.in === "host") return [`switch ${place} ${quote(op.value)}`];
      return [
        `ip netns exec ${quote(namespace)} sh -c 'echo "$1" > "$2"' - ${quote(op.value)} ${place} || :`,
      ];
    }
    case "tableReplace":
      return [
        "nft -f - <<'END_OF_RULES'",
        renderRuleset(op.ruleset),
        ...elementLines("add", op.ruleset.table, op.contents),
        "END_OF_RULES",
        `later "nft delete table ${op.ruleset.table.family} ${op.ruleset.table.table}"`,
      ];
    case "contentsAdd":
      return ruleFile(elementLines("add", op.table, op.contents));
    case "contentsDelete":
      return ruleFile(elementLines("delete", op.table, op.contents));
    case "tableDelete":
      return [`nft delete table ${op.table.family} ${op.table.table}`];
    case "ruleInsert": {
      const { place, rule } = op.insertion;
      const where = typeof place === "string" ? "" : ` handle ${place.after}`;
      const verb = place === "first" ? "insert" : "add";
      return ruleFile([
        `${verb} rule ${op.table.family} ${op.table.table} ${op.chain}${where} ${renderRule(rule)}`,
      ]);
    }
    case "ruleDelete":
      return [`nft delete rule ${op.table.family} ${op.table.table} ${op.chain} handle ${op.handle}`];
  }
}

function mtuWords(mtu: number): string {
  return mtu > 0 ? ` mtu ${mtu}` : "";
}

function underlayWords(link: string, made: MadeUnderlay, mtu: number): string {
  switch (made.kind) {
    case "dummy":
      return `${quote(link)}${mtuWords(mtu)} type dummy`;
    case "vlan":
      return `link ${quote(made.on)} name ${quote(link)}${mtuWords(mtu)} type vlan id ${made.id}`;
    case "vxlan": {
      const local = made.local === "" ? "" : ` local ${quote(made.local)}`;
      const dev = made.dev === "" ? "" : ` dev ${quote(made.dev)}`;
      return `${quote(link)}${mtuWords(mtu)} type vxlan id ${made.id} dstport ${made.port}${local}${dev}`;
    }
  }
}

function ruleFile(lines: readonly string[]): string[] {
  return ["nft -f - <<'END_OF_RULES'", ...lines, "END_OF_RULES"];
}

function elementLines(
  verb: "add" | "delete",
  table: TableReference,
  contents: readonly SetContent[],
): string[] {
  const { sets } = hostRuleset(table);
  return contents.flatMap(({ set, elements }) => {
    const declared = sets.find(({ name }) => name === set);
    if (declared === undefined || elements.length === 0) return [];
    const words = declared.interval === true ? rangeWords(declared, elements) : elements.map(word(declared));
    return [`${verb} element ${table.family} ${table.table} ${set} { ${words.join(", ")} }`];
  });
}

type Element = SetContent["elements"][number];

function word(declared: SetDeclaration): (element: Element) => string {
  return ({ key, data }) => {
    const keyText = key.map((bytes, index) => fieldText(declared.key[index], bytes)).join(" . ");
    if (data === undefined || declared.data === undefined || declared.data === "verdict") return keyText;
    const types = declared.data;
    const bytes = Array.isArray(data) ? data : [];
    return `${keyText} : ${bytes.map((each, index) => fieldText(types[index], each)).join(" . ")}`;
  };
}

/** From one element up to the one before the end; without an end up to the last of all. */
function rangeWords(declared: SetDeclaration, elements: readonly Element[]): string[] {
  const words: string[] = [];
  const [type] = declared.key;
  elements.forEach(({ key: [first], end }, index) => {
    if (end === true || first === undefined) return;
    const next = elements[index + 1];
    const after = next?.end === true ? next.key[0] : undefined;
    const last = after === undefined ? new Uint8Array(first.length).fill(0xff) : before(after);
    words.push(`${fieldText(type, first)}-${fieldText(type, last)}`);
  });
  return words;
}

function before(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (let index = copy.length - 1; index >= 0; index -= 1) {
    const byte = copy[index] ?? 0;
    copy[index] = byte === 0 ? 0xff : byte - 1;
    if (byte !== 0) break;
  }
  return copy;
}

function fieldText(type: FieldType | undefined, bytes: Uint8Array): string {
  switch (type) {
    case "ipv4_addr":
    case "ipv6_addr":
      return formatIpAddress(bytes);
    case "ifname":
      return `"${new TextDecoder().decode(bytes).replaceAll("\0", "")}"`;
    case "inet_proto":
    case "inet_service":
    case "mark":
    case undefined:
      return String(bytes.reduce((sum, byte) => sum * 256 + byte, 0));
  }
}

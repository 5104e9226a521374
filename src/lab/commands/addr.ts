/** `addr`: addresses of links. */
import { addressMessages } from "../../linux/netlink/address.ts";
import {
  addInterfaceAddress,
  decodeInterfaceAddress,
  deleteInterfaceAddress,
  dumpInterfaceAddresses,
  type InterfaceAddress,
} from "../../linux/netlink/interface-address.ts";
import {
  addressFamilies,
  familyOf,
  formatIpAddress,
  type IpPrefix,
  parseIpPrefix,
} from "../../linux/netlink/ip-address.ts";
import { linkFlagNames } from "../../linux/netlink/link-details.ts";
import type { WordReader } from "../arguments.ts";
import { listed, misuse } from "../lab-error.ts";
import { allLinks, linkOf } from "../links.ts";
import { attempt, type Namespace, type Session } from "../session.ts";
import { table } from "../table.ts";

/** IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST */
const values = { address: 1, local: 2, broadcast: 4 } as const;
const quote = JSON.stringify;

/** The address as a message has it. */
export function addressOn(linkIndex: number, { address, length }: IpPrefix): InterfaceAddress {
  return {
    linkIndex,
    family: familyOf(address),
    prefixLength: length,
    scope: 0,
    flags: 0,
    values: [
      { type: values.local, bytes: address },
      { type: values.address, bytes: address },
    ],
  };
}

function read(words: WordReader): { readonly prefix: IpPrefix; readonly link: string } {
  const text = words.next("the address");
  const prefix = parseIpPrefix(text);
  if (prefix === undefined) throw misuse(`the address is ${quote(text)}, wanted one such as 172.18.0.2/24`);
  words.expect("dev");
  const link = words.next("the link");
  words.end();
  return { prefix, link };
}

export function allAddresses(namespace: Namespace): InterfaceAddress[] {
  return namespace.socket.dump(dumpInterfaceAddresses(), (message) =>
    message.type === addressMessages.new ? decodeInterfaceAddress(message) : undefined,
  );
}

/** The own address and, on a line between two, the peer's. */
export function ownAddress(address: InterfaceAddress): Uint8Array {
  const found = [values.local, values.address].flatMap(
    (type) => address.values.find((value) => value.type === type) ?? [],
  );
  return found[0]?.bytes ?? new Uint8Array(4);
}

function prefixText(address: InterfaceAddress): string {
  return `${formatIpAddress(ownAddress(address))}/${address.prefixLength}`;
}

/** What addresses `link` has, for messages. */
function found(namespace: Namespace, linkIndex: number): string {
  return listed(
    allAddresses(namespace)
      .filter((one) => one.linkIndex === linkIndex)
      .map(prefixText),
  );
}

export function add(session: Session, words: WordReader): void {
  const { here, journal } = session;
  const { prefix, link: name } = read(words);
  const link = linkOf(here, name);
  const text = `${formatIpAddress(prefix.address)}/${prefix.length}`;
  journal.record(
    {
      what: "address",
      at: here.place,
      link: name,
      address: formatIpAddress(prefix.address),
      length: prefix.length,
    },
    () =>
      attempt(
        `add address ${text} to link ${quote(name)} in ${here.label}`,
        () => here.socket.execute([addInterfaceAddress(addressOn(link.index, prefix), link.index)]),
        { EEXIST: { message: "the link has it already" } },
      ),
    () => String(link.index),
  );
}

export function rm(session: Session, words: WordReader): void {
  const { here, journal } = session;
  const { prefix, link: name } = read(words);
  const link = linkOf(here, name);
  const text = formatIpAddress(prefix.address);
  attempt(
    `remove address ${text}/${prefix.length} from link ${quote(name)} in ${here.label}`,
    () => here.socket.execute([deleteInterfaceAddress(addressOn(link.index, prefix))]),
    { EADDRNOTAVAIL: { message: `the link does not have it; found ${found(here, link.index)}` } },
  );
  for (const { id, change } of journal.entries) {
    if (change.what !== "address" || change.at.identity !== here.place.identity) continue;
    if (change.link === name && change.address === text && change.length === prefix.length)
      journal.forget(id);
  }
}

const scopeNames: Readonly<Record<number, string>> = { 0: "global", 200: "site", 253: "link", 254: "host" };

export function ls(session: Session, words: WordReader): void {
  const wanted = words.optional();
  words.end();
  const { here } = session;
  if (wanted !== undefined) linkOf(here, wanted);
  const addresses = allAddresses(here);
  const rows = allLinks(here.socket)
    .filter(({ name }) => wanted === undefined || name === wanted)
    .map((link) => ({ link, own: addresses.filter((one) => one.linkIndex === link.index) }));
  const documents = rows.map(({ link, own }) => ({
    ifindex: link.index,
    ifname: link.name,
    flags: linkFlagNames(link.flags),
    mtu: link.mtuBytes,
    operstate: link.operationalState,
    addr_info: own.map((address) => {
      const broadcast = address.values.find(({ type }) => type === values.broadcast)?.bytes;
      return {
        family: address.family === addressFamilies.inet ? "inet" : "inet6",
        local: formatIpAddress(ownAddress(address)),
        prefixlen: address.prefixLength,
        ...(broadcast === undefined ? {} : { broadcast: formatIpAddress(broadcast) }),
        scope: scopeNames[address.scope] ?? String(address.scope),
      };
    }),
  }));
  session.show(documents, () =>
    table(
      ["LINK", "STATE", "ADDRESSES"],
      rows.map(({ link, own }) => [
        link.name,
        link.up ? link.operationalState : "off",
        own.map(prefixText).join(" "),
      ]),
    ),
  );
}

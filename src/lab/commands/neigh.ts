/** `neigh`: hardware addresses of neighbours. */
import { formatIpAddress } from "../../linux/netlink/ip-address.ts";
import {
  decodeNeighbourEntry,
  dumpNeighbourEntries,
  neighbourStateNames,
} from "../../linux/netlink/ip-neighbour.ts";
import { formatMac } from "../../linux/netlink/ipv4.ts";
import { neighbourMessages } from "../../linux/netlink/neighbour.ts";
import type { WordReader } from "../arguments.ts";
import { allLinks, linkOf } from "../links.ts";
import type { Session } from "../session.ts";
import { table } from "../table.ts";

/** Entries that nobody has asked for: multicast and the like. */
const withoutAsking = 0x40;

export function ls(session: Session, words: WordReader): void {
  const wanted = words.optional();
  words.end();
  const { here } = session;
  if (wanted !== undefined) linkOf(here, wanted);
  const names = new Map(allLinks(here.socket).map(({ index, name }) => [index, name]));
  const rows = here.socket
    .dump(dumpNeighbourEntries(), (message) =>
      message.type === neighbourMessages.new ? decodeNeighbourEntry(message) : undefined,
    )
    .filter(({ state }) => state !== 0 && state !== withoutAsking)
    .map((entry) => ({
      dst: entry.destination === undefined ? "" : formatIpAddress(entry.destination),
      dev: names.get(entry.linkIndex) ?? `if${entry.linkIndex}`,
      ...(entry.mac === undefined ? {} : { lladdr: formatMac(entry.mac) }),
      state: neighbourStateNames.filter((_, bit) => (entry.state & (1 << bit)) !== 0),
    }))
    .filter(({ dev }) => wanted === undefined || dev === wanted);
  session.show(rows, () =>
    table(
      ["ADDRESS", "LINK", "HARDWARE ADDRESS", "STATE"],
      rows.map(({ dst, dev, lladdr, state }) => [dst, dev, lladdr ?? "", state.join(" ")]),
    ),
  );
}

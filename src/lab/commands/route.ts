/** `route`: the main table, and the way of one packet. */
import { findLink } from "../../kernel/netlink/mod.ts";
import {
  addressFamilies,
  familyOf,
  formatIpAddress,
  isNetwork,
  parseIpAddress,
  parseIpPrefix,
} from "../../linux/netlink/ip-address.ts";
import {
  addIpRoute,
  decodeIpRoute,
  deleteIpRoute,
  dumpIpRoutes,
  type IpRoute,
  isCached,
  lookUpRoute,
  type RouteWish,
  routeProtocols,
  routeScopes,
} from "../../linux/netlink/ip-route.ts";
import { routeMessages, routeTables } from "../../linux/netlink/route.ts";
import type { WordReader } from "../arguments.ts";
import type { Change } from "../change.ts";
import { listed, misuse } from "../lab-error.ts";
import { allLinks, linkOf } from "../links.ts";
import { attempt, type Namespace, type Session } from "../session.ts";

const largestMetric = 0xffff_ffff;
const bootProtocol = routeProtocols.boot;
const typeNames: Readonly<Record<number, string>> = {
  1: "unicast",
  2: "local",
  3: "broadcast",
  4: "anycast",
  5: "multicast",
  6: "blackhole",
  7: "unreachable",
  8: "prohibit",
  9: "throw",
};
const unicast = 1;
/** RTNH_F_* as iproute2 calls them. */
const flagNames: readonly (readonly [bit: number, name: string])[] = [
  [1, "dead"],
  [4, "onlink"],
  [2, "pervasive"],
  [8, "offload"],
  [16, "linkdown"],
];
const quote = JSON.stringify;

function nameIn(table: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(table).find(([, one]) => one === value)?.[0] ?? String(value);
}

interface Wish {
  readonly route: RouteWish;
  readonly link: string | undefined;
  readonly text: string;
}

function read(session: Session, words: WordReader): Wish {
  const { here } = session;
  const text = words.next("the destination");
  const prefix = text === "default" ? undefined : parseIpPrefix(text);
  if (text !== "default" && prefix === undefined) {
    throw misuse(`the destination is ${quote(text)}, wanted "default" or a network such as 10.1.0.0/16`);
  }
  if (prefix !== undefined && !isNetwork(prefix)) {
    throw misuse(
      `the destination ${quote(text)} is an address in a network, wanted the network or /${prefix.address.length * 8}`,
    );
  }
  const parts: { gateway?: Uint8Array; source?: Uint8Array; metric?: number; linkIndex?: number } = {};
  let link: string | undefined;
  const address = (what: string): Uint8Array => {
    const word = words.next(what);
    const bytes = parseIpAddress(word);
    if (bytes === undefined) throw misuse(`${what} is ${quote(word)}, wanted an address`);
    return bytes;
  };
  while (words.more) {
    const word = words.next("a setting");
    if (word === "via") parts.gateway = address("the gateway");
    else if (word === "src") parts.source = address("the source address");
    else if (word === "metric") parts.metric = words.number("the metric", 0, largestMetric);
    else if (word === "dev") {
      link = words.next("the link");
      parts.linkIndex = linkOf(here, link).index;
    } else throw words.unexpected(word);
  }
  const known = prefix?.address ?? parts.gateway ?? parts.source;
  const family =
    known === undefined ? (session.ipv6 ? addressFamilies.inet6 : addressFamilies.inet) : familyOf(known);
  const odd = [parts.gateway, parts.source].find((one) => one !== undefined && familyOf(one) !== family);
  if (odd !== undefined) throw misuse(`${formatIpAddress(odd)} is of another family than the route`);
  const { address: destination, length } = prefix ?? { address: undefined, length: 0 };
  const network = destination === undefined || length === 0 ? {} : { destination };
  return { route: { family, length, ...network, ...parts }, link, text };
}

export function add(session: Session, words: WordReader): void {
  const { journal, here } = session;
  const { route, link, text } = read(session, words);
  if (link === undefined && route.gateway === undefined) {
    throw misuse(`the route to ${quote(text)} leads nowhere: "via GATEWAY" or "dev LINK" is missing`);
  }
  const down = link === undefined ? undefined : findLink(here.socket, link);
  const remedy = link !== undefined && down?.up === false ? { remedy: `tiffin lab link set ${link} up` } : {};
  journal.record(routeChange(here, route, link), () =>
    attempt(`add route to ${text} in ${here.label}`, () => here.socket.execute([addIpRoute(route)]), {
      EEXIST: { message: "there is such a route already" },
      ENETDOWN: { message: `link ${quote(link ?? "")} is down`, ...remedy },
      ENETUNREACH: {
        message: `the gateway ${route.gateway === undefined ? "" : formatIpAddress(route.gateway)} is in no network of a link that is up`,
      },
    }),
  );
}

function routeChange(here: Namespace, route: RouteWish, link: string | undefined): Change {
  const { destination, gateway, source, metric, family, length } = route;
  return {
    what: "route",
    at: here.place,
    family,
    length,
    ...(destination === undefined ? {} : { destination: formatIpAddress(destination) }),
    ...(gateway === undefined ? {} : { gateway: formatIpAddress(gateway) }),
    ...(source === undefined ? {} : { source: formatIpAddress(source) }),
    ...(link === undefined ? {} : { link }),
    ...(metric === undefined ? {} : { metric }),
  };
}

export function rm(session: Session, words: WordReader): void {
  const { journal, here } = session;
  const { route, link, text } = read(session, words);
  const names = linkNames(here);
  const there = (): string =>
    listed(mainRoutes(here, route.family).map((one) => quote(routeText(one, names))));
  attempt(`remove route to ${text} from ${here.label}`, () => here.socket.execute([deleteIpRoute(route)]), {
    ESRCH: { message: `there is no such route; found ${there()}` },
  });
  const gone = JSON.stringify(routeChange(here, route, link));
  for (const { id, change } of journal.entries) {
    if (JSON.stringify(change) === gone) journal.forget(id);
  }
}

function linkNames(namespace: Namespace): Map<number, string> {
  return new Map(allLinks(namespace.socket).map(({ index, name }) => [index, name]));
}

function mainRoutes(namespace: Namespace, family: number): IpRoute[] {
  return namespace.socket
    .dump(dumpIpRoutes(family), (message) =>
      message.type === routeMessages.new ? decodeIpRoute(message) : undefined,
    )
    .filter((route) => route.table === routeTables.main && !isCached(route));
}

function destinationText(route: IpRoute): string {
  if (route.destination === undefined || route.length === 0) return "default";
  const text = formatIpAddress(route.destination);
  return route.length === route.destination.length * 8 ? text : `${text}/${route.length}`;
}

function routeDocument(route: IpRoute, names: ReadonlyMap<number, string>) {
  const { gateway, linkIndex, source, metric, protocol, scope, type, flags } = route;
  const cached = isCached(route);
  return {
    ...(type === unicast ? {} : { type: typeNames[type] ?? String(type) }),
    dst: destinationText(route),
    ...(gateway === undefined ? {} : { gateway: formatIpAddress(gateway) }),
    ...(linkIndex === undefined ? {} : { dev: names.get(linkIndex) ?? `if${linkIndex}` }),
    ...(protocol === bootProtocol || cached ? {} : { protocol: nameIn(routeProtocols, protocol) }),
    ...(scope === routeScopes.universe || cached ? {} : { scope: nameIn(routeScopes, scope) }),
    ...(source === undefined ? {} : { prefsrc: formatIpAddress(source) }),
    ...(metric === undefined ? {} : { metric }),
    flags: flagNames.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name),
  };
}

function routeText(route: IpRoute, names: ReadonlyMap<number, string>): string {
  const { type, dst, gateway, dev, protocol, scope, prefsrc, metric, flags } = routeDocument(route, names);
  const word = (name: string, value: string | number | undefined): string[] =>
    value === undefined ? [] : [name, String(value)];
  return [
    ...(type === undefined ? [] : [type]),
    dst,
    ...word("via", gateway),
    ...word("dev", dev),
    ...word("proto", protocol),
    ...word("scope", scope),
    ...word("src", prefsrc),
    ...word("metric", metric),
    ...flags,
  ].join(" ");
}

export function ls(session: Session, words: WordReader): void {
  words.end();
  const { here, ipv6 } = session;
  const names = linkNames(here);
  const routes = mainRoutes(here, ipv6 ? addressFamilies.inet6 : addressFamilies.inet);
  session.show(
    routes.map((route) => routeDocument(route, names)),
    () => routes.map((route) => routeText(route, names)),
  );
}

export function get(session: Session, words: WordReader): void {
  const text = words.next("the address");
  words.end();
  const { here } = session;
  const address = parseIpAddress(text);
  if (address === undefined) throw misuse(`the address is ${quote(text)}, wanted one such as 172.18.0.3`);
  const route = attempt(
    `find a way to ${text} in ${here.label}`,
    () => here.socket.get(lookUpRoute(address), decodeIpRoute),
    { ENETUNREACH: { message: "no route leads there" } },
  );
  const names = linkNames(here);
  session.show([routeDocument(route, names)], () => [routeText(route, names)]);
}

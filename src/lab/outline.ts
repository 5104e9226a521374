/**
 * The bench's commands as data: what help, completion and the reference page are made of. A verb without a row in
 * `verbs.ts` does not compile.
 */

export interface Verb {
  /** What follows the verb. */
  readonly usage: string;
  readonly summary: string;
}

export interface Noun {
  readonly name: string;
  readonly summary: string;
  readonly verbs: Readonly<Record<string, Verb>>;
}

export const labSummary = "A bench for building networks by hand";

export const nouns = [
  {
    name: "netns",
    summary: "Network namespaces with names, the ones that `ip netns` sees",
    verbs: {
      add: { usage: "NS", summary: "make a namespace" },
      ls: { usage: "", summary: "list them" },
      rm: { usage: "NS", summary: "take its name away; it ends with the last process in it" },
      exec: { usage: "NS PROGRAM [ARGUMENT...]", summary: "run a program in it" },
      identify: { usage: "[PID]", summary: "name the namespace of a process, of this one unless said" },
    },
  },
  {
    name: "link",
    summary: "Links: cables, switches, and what stands on them",
    verbs: {
      add: {
        usage: "NAME type KIND [SETTING...]",
        summary: "make a link; the kinds and their settings are below",
      },
      set: {
        usage: "NAME {up | down | netns NS | master BRIDGE | nomaster | address MAC | mtu N | name NEW}...",
        summary: "change a link; `netns .` is the namespace of the caller",
      },
      ls: { usage: "[NAME]", summary: "list links, or one" },
      rm: { usage: "NAME", summary: "remove a link; a cable goes with both ends" },
    },
  },
  {
    name: "addr",
    summary: "Addresses of links",
    verbs: {
      add: { usage: "ADDRESS[/LENGTH] dev LINK", summary: "give a link an address" },
      ls: { usage: "[LINK]", summary: "list addresses, of one link where it is named" },
      rm: { usage: "ADDRESS[/LENGTH] dev LINK", summary: "take an address away" },
    },
  },
  {
    name: "route",
    summary: "Routes of the main table",
    verbs: {
      add: {
        usage: "{default | PREFIX} [via GATEWAY] [dev LINK] [src ADDRESS] [metric N]",
        summary: "add a route",
      },
      ls: { usage: "", summary: "list routes" },
      rm: { usage: "{default | PREFIX} [via GATEWAY] [dev LINK] [metric N]", summary: "remove a route" },
      get: { usage: "ADDRESS", summary: "show the way that a packet to an address would take" },
    },
  },
  {
    name: "neigh",
    summary: "Neighbours: which hardware address answers for an address",
    verbs: { ls: { usage: "[LINK]", summary: "list neighbours" } },
  },
  {
    name: "bridge",
    summary: "Bridges and what is plugged into them",
    verbs: {
      add: { usage: "NAME", summary: "make a bridge" },
      rm: { usage: "NAME", summary: "remove a bridge" },
      addif: { usage: "BRIDGE LINK", summary: "plug a link into a bridge" },
      delif: { usage: "BRIDGE LINK", summary: "unplug it" },
      show: { usage: "[BRIDGE]", summary: "show bridges and their ports" },
      fdb: { usage: "[BRIDGE]", summary: "show which hardware address is behind which port" },
    },
  },
  {
    name: "rule",
    summary: "Rules: which routing table is asked first",
    verbs: { ls: { usage: "", summary: "list rules" } },
  },
] as const satisfies readonly Noun[];

/** A command without verbs. */
export const undoOutline = {
  name: "undo",
  usage: "",
  summary: "Take back what the bench has made, last things first",
} as const;

export interface KindOutline {
  readonly name: string;
  readonly settings: string;
  readonly summary: string;
}

export const kindOutlines: readonly KindOutline[] = [
  { name: "veth", settings: "peer name PEER", summary: "a cable with two ends" },
  { name: "bridge", settings: "", summary: "a switch" },
  { name: "dummy", settings: "", summary: "a link that swallows all" },
  { name: "vlan", settings: "id N link LINK", summary: "the 802.1Q network N on a link" },
  {
    name: "macvlan",
    settings: "link LINK [mode bridge|private|vepa|passthru|source]",
    summary: "one more hardware address on a link",
  },
  {
    name: "ipvlan",
    settings: "link LINK [mode l2|l3|l3s]",
    summary: "more addresses under the same hardware address",
  },
  {
    name: "vxlan",
    settings: "id N [remote ADDRESS] [local ADDRESS] [dstport PORT] [link LINK]",
    summary: "a network across hosts, in UDP",
  },
  { name: "tap", settings: "", summary: "a program at the other end, with Ethernet frames" },
  { name: "tun", settings: "", summary: "a program at the other end, with IP packets" },
];

export interface OptionOutline {
  readonly name: string;
  /** Absent: a switch. */
  readonly value?: string;
  readonly summary: string;
}

export const options: readonly OptionOutline[] = [
  { name: "netns", value: "NS", summary: "work in this namespace instead of the caller's" },
  { name: "json", summary: "print JSON, with the field names of `ip -json`" },
  { name: "ipv6", summary: "routes and rules of IPv6 (addresses and neighbours are shown of both)" },
  { name: "run", value: "DIR", summary: "run directory, where the journal is (default /run/tiffin)" },
  { name: "help", summary: "show help" },
];

/**
 * What filters the host's own ports. A port that is published by rewriting packets passes by it, as with Docker, which
 * surprises whoever believes that it is closed: so it is said. And it may stop what containers ask of a name server on the
 * host: a rule of ours accepts nothing that another table drops. Asked once, and again when chains or rules have changed.
 */
import { listChains, listRules, type NetlinkSocket } from "../../kernel/netlink/mod.ts";
import type { ChainState } from "../../linux/netlink/nftables/decode.ts";
import { hooks, type TableReference } from "../../linux/netlink/nftables/request.ts";
import type { PublishedPort } from "./model.ts";

/** The name of who filters what comes to the host, by the chains that there are. */
export function filterOfInput(chains: readonly ChainState[]): string | undefined {
  if (chains.some(({ name }) => name === "ufw-user-input")) return "ufw";
  if (chains.some(({ table }) => table === "firewalld")) return "firewalld";
  const dropping = chains.find(({ hook, policy }) => hook === hooks.input && policy === "drop");
  return dropping === undefined ? undefined : `chain ${dropping.name} of table ${dropping.table}`;
}

interface ForeignInput {
  readonly table: TableReference;
  readonly name: string;
  readonly drops: boolean;
}

const inet = 1;
const ip = 2;

/** The chains that what comes to the host passes, and that no rule of ours is in. */
export function foreignInput(chains: readonly ChainState[]): ForeignInput[] {
  return chains.flatMap(({ family, table, name, hook, type, policy }) => {
    const isInput = hook === hooks.input && type === "filter" && (family === inet || family === ip);
    // In the INPUT of iptables a rule of ours lets questions pass, and firewalld lets pass what was rewritten.
    const passes = (family === ip && name === "INPUT") || table === "firewalld";
    if (!isInput || passes) return [];
    return [{ table: { family: family === inet ? "inet" : "ip", table }, name, drops: policy === "drop" }];
  });
}

export class HostFirewall {
  readonly #netfilter: NetlinkSocket;
  #found: { readonly name: string | undefined } | undefined;
  #stopsNames: boolean | undefined;

  constructor(netfilter: NetlinkSocket) {
    this.#netfilter = netfilter;
  }

  /** Somebody made chains or rules, or took some away. */
  changed(): void {
    this.#found = undefined;
    this.#stopsNames = undefined;
  }

  /** Whether it may drop what containers ask of a name server on the host. What its rules mean is not looked into. */
  get stopsNames(): boolean {
    this.#stopsNames ??= foreignInput(listChains(this.#netfilter)).some(
      ({ table, name, drops }) => drops || listRules(this.#netfilter, table, name).length > 0,
    );
    return this.#stopsNames;
  }

  /** One sentence for each port that others reach although the host's firewall may mean otherwise. */
  warningsOf(ports: readonly PublishedPort[]): string[] {
    const open = ports.filter(
      ({ mode, hostAddress }) => mode !== "socket" && !hostAddress.startsWith("127."),
    );
    if (open.length === 0) return [];
    this.#found ??= { name: filterOfInput(listChains(this.#netfilter)) };
    const { name } = this.#found;
    if (name === undefined) return [];
    return open.map(
      ({ hostAddress, hostPort, protocol }) =>
        `Port ${hostAddress}:${hostPort}/${protocol} is reached past ${name}, which filters the host's own ports: ` +
        "publish it in the mode socket, or on 127.0.0.1, if that is to have its say",
    );
  }
}

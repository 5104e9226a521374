/**
 * What filters the host's own ports. A port that is published by rewriting packets passes by it, as with Docker, which
 * surprises whoever believes that it is closed: so it is said. Asked once, and again when chains have changed.
 */
import { listChains, type NetlinkSocket } from "../../kernel/netlink/mod.ts";
import type { ChainState } from "../../linux/netlink/nftables/decode.ts";
import { hooks } from "../../linux/netlink/nftables/request.ts";
import type { PublishedPort } from "./model.ts";

/** The name of who filters what comes to the host, by the chains that there are. */
export function filterOfInput(chains: readonly ChainState[]): string | undefined {
  if (chains.some(({ name }) => name === "ufw-user-input")) return "ufw";
  if (chains.some(({ table }) => table === "firewalld")) return "firewalld";
  const dropping = chains.find(({ hook, policy }) => hook === hooks.input && policy === "drop");
  return dropping === undefined ? undefined : `chain ${dropping.name} of table ${dropping.table}`;
}

export class HostFirewall {
  readonly #netfilter: NetlinkSocket;
  #found: { readonly name: string | undefined } | undefined;

  constructor(netfilter: NetlinkSocket) {
    this.#netfilter = netfilter;
  }

  /** Somebody made chains, or took some away. */
  changed(): void {
    this.#found = undefined;
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

/** How one comes into a network of another: only what the engine would do when it is told to. Pure. */
import { formatIpAddress } from "../../linux/netlink/ip-address.ts";
import { hostSpace, type ReachContainer } from "./facts.ts";
import type { Telling } from "./telling.ts";
import type { SentenceName, Values } from "./words.ts";

const noNetwork = "none";

/** It has been put into no network, on purpose. */
export function isAlone({ networks }: ReachContainer): boolean {
  return networks.includes(noNetwork);
}

/** One that lives with another joins with it, and one that was made for none stays so. */
export function joinAdvice(
  container: ReachContainer,
  network: string | undefined,
): readonly [SentenceName, Values] {
  const isReal = network !== undefined && network !== noNetwork;
  return [
    isAlone(container) ? "doRunIn" : "doConnect",
    { who: container.livesWith ?? container.name, network: isReal ? network : "NETWORK" },
  ];
}

export function stopAlone(told: Telling, alone: ReachContainer, other: ReachContainer | undefined): never {
  const network = other?.space === hostSpace ? undefined : other?.networks[0];
  told.stop("noLinks", { who: alone.name }, ...joinAdvice(alone, network));
}

/** Why one is not told another's name, if it is for where they live. */
export function stopUnnamed(told: Telling, sender: ReachContainer, target: ReachContainer, by: string): void {
  const values = { name: told.facts.target.text, who: sender.name, by };
  const { port } = told.facts.target;
  if (target.livesWith !== undefined) {
    told.stop("nameOfOther", { ...values, holder: target.livesWith }, "doAsk", {
      place: `${target.livesWith}:${port}`,
    });
  }
  if (target.space === hostSpace) told.stop("nameOfHost", values, "doWhyHost", { port });
  if (isAlone(target)) stopAlone(told, target, sender);
  if (!sender.networks.some((network) => target.networks.includes(network))) {
    const address = target.addresses[0];
    if (sender.space === hostSpace && address !== undefined) {
      const shown = formatIpAddress(address);
      told.stop("nameNotShared", values, "doAsk", {
        place: `${address.length === 16 ? `[${shown}]` : shown}:${port}`,
      });
    }
    told.stop("nameNotShared", values, ...joinAdvice(sender, target.networks[0]));
  }
  const named = told.facts.networks.filter((network) => network.hasNames).map((network) => network.name);
  if (!sender.networks.some((network) => target.networks.includes(network) && named.includes(network))) {
    told.stop("nameNotThere", { ...values, network: sender.networks[0] ?? "" }, "doNamedNetwork", {
      who: sender.name,
      target: target.name,
    });
  }
}

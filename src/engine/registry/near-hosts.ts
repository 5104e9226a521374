/**
 * Hosts that only this machine, or its link, has: what answers there trusts whoever can ask, so a registry elsewhere must not
 * choose what is asked of it, nor be handed a token from there. Pure.
 */
import { bareHost, inBlock, isLoopback } from "./proxy.ts";

type Nearness = "loopback" | "link-local";

/** `::ffff:7f00:1`, as a URL writes it. */
const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

function plainAddress(host: string): string {
  const [, high, low] = mapped.exec(host) ?? [];
  if (high === undefined || low === undefined) return host;
  const number = Number.parseInt(high, 16) * 0x1_0000 + Number.parseInt(low, 16);
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff).join(".");
}

function nearness(url: URL): Nearness | undefined {
  const host = plainAddress(bareHost(url).replace(/\.$/, ""));
  // The kernel takes the address of nobody for its own.
  if (isLoopback(host) || host === "::" || inBlock(host, "0.0.0.0/8")) return "loopback";
  if (inBlock(host, "169.254.0.0/16") || /^fe[89ab][0-9a-f]:/.test(host)) return "link-local";
  return undefined;
}

/** What kind of host `to` is, when an answer of `from` must not lead there; undefined when it may. */
export function tooNear(from: URL, to: URL): Nearness | undefined {
  const near = nearness(to);
  return near === undefined || near === nearness(from) ? undefined : near;
}

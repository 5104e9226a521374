/**
 * The extensions of iptables that firewalls use most, as nftables carries them: a name and the bytes of a structure.
 * linux/netfilter/xt_multiport.h, linux/netfilter/xt_conntrack.h
 */

export type ReadExtension =
  | {
      readonly expr: "ports";
      readonly which: "source" | "destination" | "either";
      readonly ranges: readonly (readonly [first: number, last: number])[];
      readonly isInverted: boolean;
    }
  /** `mask`: as `ct state` has it. */
  | { readonly expr: "states"; readonly mask: number; readonly isInverted: boolean }
  /** In a form of its own that is not known here. */
  | { readonly expr: "extension"; readonly kind: "match" | "target"; readonly name: string };

const mostPorts = 15;
const multiportBytes = 2 + mostPorts * 2 + mostPorts + 1;
const multiportDirections = ["source", "destination", "either"] as const;
const matchFlagsOffset = 146;
const stateOnly = 1;
const conntrackBytes = 154;

export function readExtension(
  kind: "match" | "target",
  name: string,
  revision: number,
  info: Uint8Array | undefined,
): ReadExtension {
  const unknown = { expr: "extension", kind, name } as const;
  if (kind === "target" || info === undefined) return unknown;
  const view = new DataView(info.buffer, info.byteOffset, info.byteLength);
  if (name === "multiport" && revision === 1 && info.length >= multiportBytes) return ports(view) ?? unknown;
  if (name === "conntrack" && revision === 3 && info.length >= conntrackBytes) {
    const [flags = 0, inverted = 0, mask = 0] = [0, 2, 4].map((more) =>
      view.getUint16(matchFlagsOffset + more, true),
    );
    // Anything else that it may ask is not read.
    if (flags === stateOnly) return { expr: "states", mask, isInverted: (inverted & stateOnly) !== 0 };
  }
  return unknown;
}

function ports(view: DataView): ReadExtension | undefined {
  const which = multiportDirections[view.getUint8(0)];
  const count = view.getUint8(1);
  if (which === undefined || count > mostPorts) return undefined;
  const ranges: (readonly [number, number])[] = [];
  for (let index = 0; index < count; index += 1) {
    const first = view.getUint16(2 + index * 2, true);
    const isRange = index + 1 < count && view.getUint8(2 + mostPorts * 2 + index) !== 0;
    if (isRange) index += 1;
    ranges.push([first, isRange ? view.getUint16(2 + index * 2, true) : first]);
  }
  return { expr: "ports", which, ranges, isInverted: view.getUint8(multiportBytes - 1) !== 0 };
}

/** What the kernel tells of a packet that is traced: each rule that matched it, and what chains ended with. nft(8), monitor trace */
import { Attributes, type NetlinkMessage } from "../message.ts";

const traceMessage = (10 << 8) | 17;
const headerBytes = 4;
const attribute = { table: 1, chain: 2, handle: 3, type: 4, verdict: 5, id: 6, policy: 16 } as const;
const kinds: readonly (TraceEvent["kind"] | undefined)[] = [undefined, "policy", "return", "rule"];

export interface TraceEvent {
  /** Of one packet. */
  readonly id: number;
  readonly family: number;
  readonly table: string;
  readonly chain: string;
  readonly kind: "policy" | "return" | "rule";
  /** Of the rule; undefined for a policy. */
  readonly handle: bigint | undefined;
  readonly verdict: "accept" | "drop" | "other";
}

function verdictOf(code: number | undefined): TraceEvent["verdict"] {
  return code === 1 ? "accept" : code === 0 ? "drop" : "other";
}

/** Undefined for what is no such message. */
export function decodeTrace({ type, payload }: NetlinkMessage): TraceEvent | undefined {
  const [family] = payload;
  if (type !== traceMessage || family === undefined || payload.length < headerBytes) return undefined;
  const attributes = new Attributes(payload.subarray(headerBytes));
  const kind = kinds[attributes.u32be(attribute.type) ?? 0];
  if (kind === undefined) return undefined;
  return {
    id: attributes.u32be(attribute.id) ?? 0,
    family,
    table: attributes.string(attribute.table) ?? "",
    chain: attributes.string(attribute.chain) ?? "",
    kind,
    handle: attributes.u64be(attribute.handle),
    verdict: verdictOf(
      kind === "policy" ? attributes.u32be(attribute.policy) : attributes.nested(attribute.verdict)?.u32be(1),
    ),
  };
}

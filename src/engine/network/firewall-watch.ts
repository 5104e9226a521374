/**
 * Puts the rules back as soon as somebody else takes them away (`nft flush ruleset`, a firewall that is reloaded, a Docker
 * engine that starts), not at the next look. Whoever does so again and again is answered a few times a second, not each time.
 */
import { type NftChanges, NftMonitor } from "../../kernel/netlink/mod.ts";
import { after, type Timer } from "../../lib/timer.ts";
import type { NftChange } from "../../linux/netlink/nftables/change.ts";
import type { TableReference } from "../../linux/netlink/nftables/request.ts";
import { isForeignTable } from "./foreign-firewall.ts";

/** Whoever flushes does more in the next moment. */
const settleMs = 50;
const pauseMs = 250;

type HostFamily = TableReference["family"];
/** NFPROTO_* of the families that we write to. */
const families = { inet: 1, ip: 2, ip6: 10 } as const satisfies Partial<Record<HostFamily, number>>;

const familyNames = ["inet", "ip", "ip6"] as const;

export interface FirewallWatchParts {
  /** The port of the socket by which the engine itself makes changes. */
  readonly own: number;
  readonly table: TableReference;
  /** Somebody else made chains or rules, or took some away. */
  readonly chainsChanged: () => void;
  /** `rebuild`: what our table holds cannot be relied on. */
  readonly heal: (rebuild: boolean) => void;
  readonly report: (thrown: unknown) => void;
}

const chainMessages: ReadonlySet<string> = new Set([
  "newChain",
  "deleteChain",
  "deleteTable",
  "newRule",
  "deleteRule",
]);

/** What a change by somebody else means: our table is no more as it was, another one may outrank it, or nothing. */
export function meaningOf(
  { message, family, table, port }: NftChange,
  own: number,
  ours: TableReference,
): "rebuild" | "look" | undefined {
  if (port === own) return undefined;
  const isOurs = table === ours.table && family === families.inet;
  if (isOurs) return message.startsWith("get") ? undefined : "rebuild";
  const name = familyNames.find((each) => families[each] === family);
  const isForeign = name !== undefined && isForeignTable(name, table);
  const concernsUs = ["newChain", "deleteChain", "deleteRule", "deleteTable", "newRule"].includes(message);
  return isForeign && concernsUs ? "look" : undefined;
}

export class FirewallWatch implements Disposable {
  readonly #parts: FirewallWatchParts;
  readonly #monitor: NftMonitor;
  #timer: Timer | undefined;
  #rebuild = false;
  #isAgain = false;
  #isClosed = false;

  constructor(parts: FirewallWatchParts) {
    this.#parts = parts;
    this.#monitor = NftMonitor.open((changes) => this.#hear(changes), parts.report);
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#monitor[Symbol.dispose]();
  }

  #hear(changes: NftChanges): void {
    if (this.#isClosed) return;
    const { own, table, chainsChanged } = this.#parts;
    if (
      changes === "unknown" ||
      changes.some(({ message, port }) => port !== own && chainMessages.has(message))
    ) {
      chainsChanged();
    }
    const meanings =
      changes === "unknown" ? ["rebuild" as const] : changes.map((change) => meaningOf(change, own, table));
    if (meanings.every((meaning) => meaning === undefined)) return;
    this.#rebuild ||= meanings.includes("rebuild");
    if (this.#timer === undefined) this.#arm(settleMs);
    else this.#isAgain = true;
  }

  #arm(milliseconds: number): void {
    this.#isAgain = false;
    this.#timer = after(milliseconds, () => this.#heal(), { background: true });
  }

  #heal(): void {
    const rebuild = this.#rebuild;
    this.#rebuild = false;
    try {
      this.#parts.heal(rebuild);
    } catch (thrown) {
      this.#parts.report(thrown);
    }
    // What is heard while it rests is dealt with after the rest.
    this.#timer = after(
      pauseMs,
      () => {
        this.#timer = undefined;
        if (this.#isAgain) this.#arm(0);
      },
      { background: true },
    );
    this.#isAgain = false;
  }
}

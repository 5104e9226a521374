/** What has been told of a journey so far: step by step, until something stops it. Decides nothing itself. */
import type { ReachFacts } from "./facts.ts";
import type { Packet } from "./packet.ts";
import type { Said, SentenceName, Values } from "./words.ts";

export interface Step extends Said {
  readonly outcome: "ok" | "note" | "stop";
}

/** The journey ends here; `remedy` is what would open it. */
export class Stopped extends Error {
  readonly remedy: Said;

  constructor(remedy: Said) {
    super("stopped");
    this.remedy = remedy;
  }
}

const program = "tiffin";

export class Telling {
  readonly facts: ReachFacts;
  readonly #steps: Step[] = [];
  #isBeyond = false;
  #sent: Packet | undefined;

  constructor(facts: ReachFacts) {
    this.facts = facts;
  }

  get steps(): readonly Step[] {
    return this.#steps;
  }

  /** It goes beyond what can be seen here. */
  get isBeyond(): boolean {
    return this.#isBeyond;
  }

  /** As the first sender wrote it. */
  get sent(): Packet | undefined {
    return this.#sent;
  }

  ok(say: SentenceName, values: Values): void {
    this.#steps.push({ say, values, outcome: "ok" });
  }

  note(say: SentenceName, values: Values): void {
    this.#steps.push({ say, values, outcome: "note" });
  }

  stop(say: SentenceName, values: Values, remedy: SentenceName, remedyValues: Values = {}): never {
    this.#steps.push({ say, values, outcome: "stop" });
    throw new Stopped({ say: remedy, values: { program, ...values, ...remedyValues } });
  }

  goesBeyond(say: SentenceName, values: Values): void {
    this.#isBeyond = true;
    this.note(say, values);
  }

  isSent(packet: Packet): void {
    this.#sent ??= packet;
  }
}

/** A decision as the document that clients get. Pure. */
import type { WhyResponse } from "../../docker/types/why.ts";
import type { Decision } from "./decide.ts";
import type { ReachFacts } from "./facts.ts";
import type { Step } from "./telling.ts";
import { type ReachLanguage, type Said, sentence } from "./words.ts";

/** What a real packet met with. */
export interface Probed {
  readonly isAnswered: boolean;
  readonly steps: readonly Step[];
}

export function report(
  { from, target }: Pick<ReachFacts, "from" | "target">,
  decision: Decision,
  probed: Probed | undefined,
  language: ReachLanguage,
): WhyResponse {
  const steps = [...decision.steps, ...(probed?.steps ?? [])];
  const stop = decision.steps.find(({ outcome }) => outcome === "stop");
  const sender = from.kind === "container" ? from.name : from.kind;
  const shown = target.text.includes(":") ? `[${target.text}]` : target.text;
  const ends = { from: sender, target: `${shown}:${target.port}/${target.protocol}` };
  const words = (said: Said): string => sentence(said, language);
  const remedy = decision.remedy === undefined ? "" : words(decision.remedy);
  const isContradicted = decision.reachable && probed?.isAnswered === false;
  const verdict = (): Said => {
    if (stop !== undefined) return { say: "no", values: { ...ends, reason: words(stop), remedy } };
    if (isContradicted) return { say: "noByProbe", values: ends };
    return { say: decision.isBeyond ? "yesOutside" : "yes", values: ends };
  };
  return {
    Reachable: decision.reachable && !isContradicted,
    Verdict: words(verdict()),
    Remedy: remedy,
    Reason: stop?.say ?? (isContradicted ? "probeSilent" : ""),
    Steps: steps.map((step) => ({ Step: step.say, Outcome: step.outcome, Text: words(step) })),
  };
}

/** The door of explanations: plans in words, in the languages that there are. */
import { chinese } from "./chinese.ts";
import { english } from "./english.ts";
import type { Vocabulary } from "./vocabulary.ts";

export { chapterOf, chapterOfNetworkOp, chapterOfRemoval } from "./chapters.ts";
export {
  type ExplainedOp,
  explainOps,
  type Measured,
  type OpResult,
  type Origin,
  type OriginOf,
  planSignature,
} from "./explained.ts";
export {
  type HiddenWords,
  hiddenWords,
  isSecretMount,
  maskLine,
  maskPlan,
  maskText,
  maskWords,
  type Secrets,
  secretsOf,
  secretsOfPlan,
} from "./mask.ts";
export { type NetworkOpName, networkOpNames, type RemovalOpName, removalOpNames } from "./operation-names.ts";
export { type ExplainedForm, type Explanation, renderAs } from "./render-as.ts";
export {
  differenceJson,
  durationText,
  type ExplainedPlan,
  originText,
  renderDifference,
  renderDifferenceMarkdown,
  renderExplained,
  renderMarkdown,
  targetText,
} from "./render-explained.ts";

export type { Vocabulary };

export const languages = { en: english, zh: chinese } as const satisfies Record<string, Vocabulary>;
export type Language = keyof typeof languages;

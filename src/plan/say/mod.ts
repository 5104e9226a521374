/** The door of sentences: what explanations, scripts and warnings say, in English and in Chinese. */
export { type Say, type Saying, sayChinese, sayEnglish, sayings, warningInChinese } from "./say.ts";
export type { PlanWarning } from "./warning-sayings.ts";

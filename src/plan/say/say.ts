/** Sentences in the languages that there are: written in English where they are said, and found in Chinese by that. Pure. */
import { own } from "../../lib/own.ts";
import { detailSayings } from "./detail-sayings.ts";
import { scriptSayings } from "./script-sayings.ts";
import { warningSayings } from "./warning-sayings.ts";

export const sayings = { ...detailSayings, ...scriptSayings, ...warningSayings } as const;

/** One without Chinese does not compile. */
export type Saying = keyof typeof sayings;

export type Say = (saying: Saying, ...values: readonly (string | number | bigint)[]) => string;

const place = /\{(\d+)\}/g;

function filled(text: string, values: readonly (string | number | bigint)[]): string {
  return text.replaceAll(place, (_all, index: string) => String(values[Number(index)] ?? ""));
}

export const sayEnglish: Say = (saying, ...values) => filled(saying, values);
export const sayChinese: Say = (saying, ...values) => filled(sayings[saying], values);

const special = /[.*+?^${}()|[\]\\]/g;

/** A sentence with its places, to know it again when they are filled. */
const patterns = Object.entries(warningSayings)
  .filter(([english]) => english.includes("{0}"))
  .map(([english, chinese]) => {
    const parts = english.split(/\{\d+\}/).map((part) => part.replaceAll(special, "\\$&"));
    return [new RegExp(`^${parts.join("(.*?)")}$`, "s"), chinese] as const;
  });

/** A warning of a plan, which is said in English there. What is none of those stays as it is. */
export function warningInChinese(warning: string): string {
  const known = own<string>(warningSayings, warning);
  if (known !== undefined) return known;
  for (const [pattern, chinese] of patterns) {
    const found = pattern.exec(warning);
    if (found !== null) return filled(chinese, found.slice(1));
  }
  return warning;
}

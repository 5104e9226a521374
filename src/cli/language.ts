/** The language of explanations: what is asked for, or that of the locale. */
import { type ExplainLanguage, explainLanguages } from "../docker/types/explain.ts";
import { own } from "../lib/own.ts";
import { custom } from "./flags/flag.ts";

/** locale(7): the first of these that is set counts. */
const localeVariables = ["LC_ALL", "LC_MESSAGES", "LANG"];

type Environment = Readonly<Record<string, string | undefined>>;

export function languageOfLocale(env: Environment): ExplainLanguage {
  const locale = localeVariables.map((name) => own(env, name) ?? "").find((value) => value !== "") ?? "";
  return explainLanguages.find((language) => locale.toLowerCase().startsWith(language)) ?? "en";
}

export const languageFlag = custom(
  "",
  "string",
  `Language: ${explainLanguages.join(", ")} (default by the locale)`,
  "",
  (_before, value) => {
    const known = explainLanguages.find((language) => language === value);
    if (known !== undefined) return known;
    throw new Error(`must be one of ${explainLanguages.join(", ")}`);
  },
);

/** `wanted`: the value of the flag, empty where it was not given. */
export function chosenLanguage(wanted: string, env: Environment): ExplainLanguage {
  return explainLanguages.find((language) => language === wanted) ?? languageOfLocale(env);
}

/** How an explanation is wanted, from a query. */
import {
  type ExplainFormat,
  type ExplainLanguage,
  type ExplainWishes,
  explainFormats,
  explainLanguages,
} from "../../docker/types/explain.ts";
import { TiffinError } from "../../lib/errors.ts";

function explainFormatOf(wanted = "text"): ExplainFormat {
  const format = explainFormats.find((known) => known === wanted);
  if (format !== undefined) return format;
  throw new TiffinError(
    "invalid",
    "explain.format",
    `unknown format ${JSON.stringify(wanted)}, wanted one of ${explainFormats.join(", ")}`,
  );
}

/** Errors: invalid `explain.language`. */
export function explainLanguageOf(wanted = "en"): ExplainLanguage {
  const language = explainLanguages.find((known) => known === wanted);
  if (language !== undefined) return language;
  throw new TiffinError(
    "invalid",
    "explain.language",
    `unknown language ${JSON.stringify(wanted)}, wanted one of ${explainLanguages.join(", ")}`,
  );
}

/** Errors: invalid `explain.format`, `explain.language`. */
export function wishesOf(query: {
  readonly format?: string | undefined;
  readonly lang?: string | undefined;
  readonly details?: boolean | undefined;
  readonly secrets?: boolean | undefined;
  readonly against?: string | undefined;
}): ExplainWishes {
  return {
    format: explainFormatOf(query.format),
    language: explainLanguageOf(query.lang),
    details: query.details ?? false,
    showSecrets: query.secrets ?? false,
    against: query.against,
  };
}

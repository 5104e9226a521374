/** Whether one reaches the other. */
import { explainLanguages } from "../../docker/types/explain.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { ReachBackend } from "../backend.ts";
import type { Handlers } from "../handler.ts";

export function reachHandlers(reach: ReachBackend): Pick<Handlers, "why"> {
  return {
    why: ({ query }) => {
      const { from = "", to = "", probe = false, lang = "en" } = query;
      const language = explainLanguages.find((known) => known === lang);
      if (language === undefined) {
        throw new TiffinError(
          "invalid",
          "reach.language",
          `unknown language ${JSON.stringify(lang)}, wanted one of ${explainLanguages.join(", ")}`,
        );
      }
      return reach.why({ from, to, probe, language });
    },
  };
}

/** Whether one reaches the other. */
import type { ReachBackend } from "../backend.ts";
import type { Handlers } from "../handler.ts";
import { explainLanguageOf } from "./explain-wishes.ts";

export function reachHandlers(reach: ReachBackend): Pick<Handlers, "why"> {
  return {
    why: ({ query }) => {
      const { from = "", to = "", probe = false, lang } = query;
      return reach.why({ from, to, probe, language: explainLanguageOf(lang) });
    },
  };
}

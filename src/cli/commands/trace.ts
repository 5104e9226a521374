/** `tiffin trace`: where the time of a container's last start went. */
import { defineCommand } from "../command.ts";
import { cleanName } from "../each-container.ts";
import { integer, toggle } from "../flags/flag.ts";
import { chosenLanguage, languageFlag } from "../language.ts";
import { traceText } from "../trace-text.ts";
import { writeObserved } from "../write-observed.ts";

const usual = 15;

export const command = defineCommand({
  names: ["trace"],
  usage: "[OPTIONS] CONTAINER",
  summary: "Show where the time of a container's start went",
  flags: {
    json: toggle("", "Print JSON: phases and every operation, in nanoseconds"),
    lang: languageFlag,
    number: integer("n", "How many of the slowest operations to show, 0 for all", {
      shownDefault: String(usual),
    }),
  },
  least: 1,
  most: 1,
  async run({ values, positionals, context }) {
    const api = await context.api();
    const lang = chosenLanguage(values.lang, context.io.env);
    const params = { name: cleanName(positionals[0] ?? "") };
    const trace = await api.document("trace", { params, query: { lang } });
    const text = traceText(trace, values.number ?? usual, lang);
    return writeObserved(context, { text, json: trace }, values.json);
  },
});

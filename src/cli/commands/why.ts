/** `tiffin why`: whether one reaches the other, and what decides it. */
import type { ExplainLanguage } from "../../docker/types/explain.ts";
import type { WhyResponse } from "../../docker/types/why.ts";
import { shownJson, shownText } from "../../lib/shown-name.ts";
import { defineCommand } from "../command.ts";
import { custom, toggle } from "../flags/flag.ts";
import { chosenLanguage, languageFlag } from "../language.ts";

const formats = ["text", "json"];
const marks = new Map([
  ["note", "?"],
  ["stop", "STOP"],
]);
const markWidth = 4;

function oneOf(words: readonly string[]): (before: string, value: string) => string {
  return (_before, value) => {
    if (words.includes(value)) return value;
    throw new Error(`must be one of ${words.join(", ")}`);
  };
}

/** Nobody here can send from there. */
const isOutside = /^(?:outside|\d+(?:\.\d+){3}|[\da-f]*:[\da-f:.]*)$/i;
const waiting = {
  en: "waiting up to 10 s for a packet from outside\n",
  zh: "等待来自外部的包，最多 10 秒\n",
} as const satisfies Readonly<Record<ExplainLanguage, string>>;

/** Comments of rules and names of links are anybody's words. */
export function whyText({ Steps, Verdict }: Pick<WhyResponse, "Steps" | "Verdict">): string {
  const lines = Steps.map(
    ({ Outcome, Text }) => `${(marks.get(Outcome) ?? Outcome).padEnd(markWidth)}  ${Text}`,
  );
  return `${[...lines, "", Verdict].map(shownText).join("\n")}\n`;
}

export const command = defineCommand({
  names: ["why"],
  usage: "[OPTIONS] FROM TO:PORT[/udp]",
  summary: "Say whether one reaches the other, and what decides it",
  details: `FROM is a container, "host", "outside" (whoever calls this machine), or an address outside. TO is a container, a
network alias, a name or an address; "host" is this machine. The way of the first packet is followed: name, route, neighbour, bridge, firewall
rules, listener, and the way back. The exit code is 0 when it arrives, 1 when it does not, 125 when it cannot be said.`,
  flags: {
    format: custom("f", "string", `How to print: ${formats.join(", ")}`, "text", oneOf(formats), {
      shownDefault: '"text"',
    }),
    lang: languageFlag,
    probe: toggle(
      "",
      "Also send a real packet, or wait for one from outside, and show what the kernel traces of it",
    ),
  },
  least: 2,
  most: 2,
  errorsLikeRun: true,
  async run({ values, positionals, context }) {
    const [from = "", to = ""] = positionals;
    const api = await context.api();
    if (values.probe && isOutside.test(from))
      context.err(waiting[chosenLanguage(values.lang, context.io.env)]);
    const answer = await api.document("why", {
      query: {
        from,
        to,
        probe: values.probe || undefined,
        lang: chosenLanguage(values.lang, context.io.env),
      },
    });
    if (values.format === "json") context.out(`${shownJson(answer)}\n`);
    else context.out(whyText(answer));
    return answer.Reachable ? 0 : 1;
  },
});

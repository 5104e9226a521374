/** `tiffin explain`: every kernel operation of a container's start, as the engine planned it. */
import { explainFormats } from "../../docker/types/explain.ts";
import { defineCommand } from "../command.ts";
import { cleanName } from "../each-container.ts";
import { custom } from "../flags/flag.ts";

const formats: readonly string[] = explainFormats;

function checkFormat(_before: string, value: string): string {
  if (formats.includes(value)) return value;
  throw new Error(`must be one of ${formats.join(", ")}`);
}

export const command = defineCommand({
  names: ["container explain", "explain"],
  usage: "[OPTIONS] CONTAINER",
  summary: "Show every kernel operation that starts a container",
  flags: {
    format: custom("f", "string", `How to print: ${formats.join(", ")}`, "text", checkFormat, {
      shownDefault: '"text"',
    }),
  },
  least: 1,
  most: 1,
  async run({ values, positionals, context }) {
    const api = await context.api();
    const { Text } = await api.document("explain", {
      params: { name: cleanName(positionals[0] ?? "") },
      query: { format: values.format },
    });
    context.out(Text.endsWith("\n") ? Text : `${Text}\n`);
    return 0;
  },
});

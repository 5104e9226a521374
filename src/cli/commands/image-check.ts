/** `tiffin image check`. */
import { defineCommand } from "../command.ts";

function counted(count: number): string {
  return `${count} ${count === 1 ? "layer" : "layers"}`;
}

export const command = defineCommand({
  names: ["image check"],
  usage: "[IMAGE...]",
  summary: "Compare the layers of images with what was written",
  flags: {},
  least: 0,
  async run({ positionals, context }) {
    const api = await context.api();
    const items = await api.document("imageCheck", { query: { names: [...positionals] } });
    const damaged = items.filter(({ Result }) => Result === "damaged");
    const unknown = items.filter(({ Result }) => Result === "unknown");
    for (const { Layer, Images, Problem } of damaged) {
      context.out(`${Layer} of ${Images.join(", ")} is damaged: ${Problem}\n`);
    }
    const good = items.length - damaged.length - unknown.length;
    const words = [`${counted(good)} good`];
    if (damaged.length > 0) words.push(`${damaged.length} damaged: pull or load their images again`);
    if (unknown.length > 0) words.push(`${unknown.length} of plain files, which are compared with nothing`);
    context.out(`${words.join(", ")}\n`);
    return damaged.length > 0 ? 1 : 0;
  },
});

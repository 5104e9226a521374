/** `tiffin image check`. */
import type { ImageCheckItem } from "../../docker/types/image.ts";
import { defineCommand } from "../command.ts";
import type { CliContext } from "../context.ts";
import { describeError } from "../describe-error.ts";
import { toggle } from "../flags/flag.ts";

function counted(count: number): string {
  return `${count} ${count === 1 ? "layer" : "layers"}`;
}

async function check(context: CliContext, names: readonly string[]): Promise<readonly ImageCheckItem[]> {
  const api = await context.api();
  return await api.document("imageCheck", { query: { names: [...names] } });
}

function damagedOf(items: readonly ImageCheckItem[]): readonly ImageCheckItem[] {
  return items.filter(({ Result }) => Result === "damaged");
}

/** By digest, so that no name moves to what its registry has by now. */
async function fetchAgain(context: CliContext, name: string): Promise<void> {
  const { pullTo } = await import("../registry/pull-to.ts");
  const api = await context.api();
  const { RepoDigests, Os, Architecture, Variant } = await api.document("imageInspect", { params: { name } });
  const platform = [Os, Architecture, Variant ?? ""].filter((part) => part !== "").join("/");
  for (const image of RepoDigests ?? []) {
    try {
      await pullTo(context, { image, platform, quiet: true, fd: 2 });
      return;
    } catch (thrown) {
      // Another repository may have it still.
      context.err(`${image}: ${describeError(thrown)}\n`);
    }
  }
}

export const command = defineCommand({
  names: ["image check"],
  usage: "[OPTIONS] [IMAGE...]",
  summary: "Compare the layers of images with what was written",
  flags: {
    repair: toggle("", "Fetch layers that are damaged from where their images were pulled or pushed"),
  },
  least: 0,
  async run({ values, positionals, context }) {
    let items = await check(context, positionals);
    const found = damagedOf(items);
    for (const { Layer, Images, Problem } of found) {
      context.out(`${Layer} of ${Images.join(", ")} is damaged: ${Problem}\n`);
    }
    if (values.repair && found.length > 0) {
      for (const name of new Set(found.flatMap(({ Images }) => Images))) await fetchAgain(context, name);
      items = await check(context, positionals);
    }
    const damaged = damagedOf(items).length;
    const unknown = items.filter(({ Result }) => Result === "unknown").length;
    const words = [`${counted(items.length - damaged - unknown)} good`];
    const remedy = values.repair ? "load their images again" : "pull or load their images again";
    if (damaged > 0) words.push(`${damaged} damaged: ${remedy}`);
    if (unknown > 0) words.push(`${unknown} of plain files, which are compared with nothing`);
    context.out(`${words.join(", ")}\n`);
    return damaged > 0 ? 1 : 0;
  },
});

/** `tiffin manifest rm`. */
import { defineCommand } from "../command.ts";
import { fullName, ManifestStore } from "../manifest/manifest-store.ts";

export const command = defineCommand({
  names: ["manifest rm"],
  usage: "MANIFEST_LIST [MANIFEST_LIST...]",
  summary: "Forget lists of manifests that are not pushed yet",
  flags: {},
  least: 1,
  async run({ positionals, context }) {
    const store = new ManifestStore(context.io);
    const missing: string[] = [];
    for (const name of positionals.map(fullName)) {
      if (store.list(name) === undefined) missing.push(`No such manifest: ${name}\n`);
      else store.remove(name);
    }
    context.err(missing.join(""));
    return missing.length === 0 ? 0 : 1;
  },
});

/** `tiffin manifest create`. */
import { defineCommand } from "../command.ts";
import { toggle } from "../flags/flag.ts";
import { oneManifest } from "../manifest/ask-registry.ts";
import { fullName, ManifestStore } from "../manifest/manifest-store.ts";

export const command = defineCommand({
  names: ["manifest create"],
  usage: "MANIFEST_LIST MANIFEST [MANIFEST...]",
  summary: "Begin a list of manifests that are in a registry",
  flags: {
    amend: toggle("a", "Add to a list that is there"),
    insecure: toggle("", "The registry may do without TLS, or with any certificate"),
  },
  least: 2,
  async run({ values, positionals, context }) {
    const [list = "", ...members] = positionals.map(fullName);
    const store = new ManifestStore(context.io);
    if (store.list(list) !== undefined && !values.amend)
      throw new Error("refusing to amend an existing manifest list with no --amend flag");
    const found = [];
    for (const name of members) {
      const kept = store.manifest(list, name);
      const manifest = kept ?? (await oneManifest(context, name, { insecure: values.insecure }));
      found.push({ name, manifest });
    }
    for (const { name, manifest } of found) store.keep(list, name, manifest);
    context.out(`Created manifest list ${list}\n`);
    return 0;
  },
});

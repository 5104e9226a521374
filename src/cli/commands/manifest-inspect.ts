/** `tiffin manifest inspect`. */
import { defineCommand } from "../command.ts";
import type { CliContext } from "../context.ts";
import { toggle } from "../flags/flag.ts";
import { type Asking, manifestsOf } from "../manifest/ask-registry.ts";
import {
  fullDocument,
  type KeptManifest,
  keptOf,
  manifestList,
  shownJson,
  shownManifest,
} from "../manifest/manifest-document.ts";
import { fullName, ManifestStore } from "../manifest/manifest-store.ts";

interface Found {
  readonly isList: boolean;
  readonly manifests: readonly KeptManifest[];
}

/** A list that is not pushed yet comes before what the registry has under its name. */
async function find(context: CliContext, name: string, asking: Asking): Promise<Found> {
  const kept = new ManifestStore(context.io).list(name);
  if (kept !== undefined) return { isList: true, manifests: kept };
  const { IsList, Manifests } = await manifestsOf(context, name, asking);
  return { isList: IsList, manifests: Manifests.map(keptOf) };
}

function memberOf(context: CliContext, list: string, name: string): Found {
  const store = new ManifestStore(context.io);
  const manifest = store.manifest(list, name);
  if (manifest === undefined) throw new Error(`No such manifest: ${name}`);
  return { isList: false, manifests: [manifest] };
}

export const command = defineCommand({
  names: ["manifest inspect"],
  usage: "[OPTIONS] [MANIFEST_LIST] MANIFEST",
  summary: "Show a manifest, or a list of them",
  flags: {
    insecure: toggle("", "The registry may do without TLS, or with any certificate"),
    verbose: toggle("v", "Show contents and platforms, too"),
  },
  least: 1,
  most: 2,
  async run({ values, positionals, context }) {
    const [first = "", member] = positionals.map(fullName);
    const { insecure, verbose } = values;
    const { isList, manifests } =
      member === undefined
        ? await find(context, first, { insecure, contents: verbose })
        : memberOf(context, first, member);
    const [only] = manifests;
    if (isList) {
      const shown = verbose ? shownJson(manifests.map(fullDocument)) : manifestList(manifests).content;
      context.out(`${shown}\n`);
    } else if (only !== undefined) {
      context.out(`${verbose ? shownJson(fullDocument(only)) : shownManifest(only)}\n`);
    }
    return 0;
  },
});

/** `tiffin manifest push`. */
import { parseReference } from "../../docker/reference.ts";
import { defineCommand } from "../command.ts";
import { toggle } from "../flags/flag.ts";
import { manifestList } from "../manifest/manifest-document.ts";
import { fullName, ManifestStore } from "../manifest/manifest-store.ts";
import { credentialsOf } from "../registry/credentials.ts";

export const command = defineCommand({
  names: ["manifest push"],
  usage: "[OPTIONS] MANIFEST_LIST",
  summary: "Upload a list of manifests to a registry",
  flags: {
    insecure: toggle("", "The registry may do without TLS, or with any certificate"),
    purge: toggle("p", "Forget the list here once it is there"),
  },
  least: 1,
  most: 1,
  async run({ values, positionals, context }) {
    const [name = ""] = positionals.map(fullName);
    const store = new ManifestStore(context.io);
    const manifests = store.list(name);
    if (manifests === undefined) throw new Error(`No such manifest: ${name}`);
    for (const { Ref, Descriptor } of manifests) {
      const { os = "", architecture = "" } = Descriptor.platform ?? {};
      if (os === "" || architecture === "")
        throw new Error(`manifest ${Ref} must have an OS and Architecture to be pushed to a registry`);
    }
    const list = manifestList(manifests);
    const auth = credentialsOf(context.io, parseReference(name).domain);
    const api = await context.api();
    const { Digest, Pushed } = await api.document("registryPutManifests", {
      params: { name },
      query: { insecure: values.insecure || undefined },
      headers: auth === undefined ? {} : { "x-registry-auth": auth },
      body: {
        MediaType: list.mediaType,
        Content: Buffer.from(list.content).toString("base64"),
        Manifests: manifests.map(({ Ref, Descriptor, Raw = "" }) => ({
          Ref,
          MediaType: Descriptor.mediaType,
          Digest: Descriptor.digest,
          Content: Raw,
        })),
      },
    });
    for (const pushed of Pushed) {
      const digest = pushed.slice(pushed.indexOf("@") + 1);
      context.out(`Pushed ref ${pushed} with digest: ${digest}\n`);
    }
    context.out(`${Digest}\n`);
    if (values.purge) store.remove(name);
    return 0;
  },
});

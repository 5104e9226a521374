/** What was built, to registries: one image, or a list with one for each platform. */
import { parseReference } from "../../../docker/reference.ts";
import { mediaTypes, type OciDescriptor, type OciPlatform, type Platform } from "../../../oci/mod.ts";
import { credentialsFor, pushOne } from "../../image/mod.ts";
import { sha256Of } from "../../registry/mod.ts";
import type { ImageOutput } from "../outputs.ts";
import type { StepContext } from "../solve/mod.ts";
import type { Note } from "../told-export.ts";
import type { BuiltImage } from "./built-tree.ts";

export interface PushedBuild {
  readonly images: readonly BuiltImage[];
  /** Full references. */
  readonly names: readonly string[];
}

/** What the last of the names means now. Errors: `registry.*`. */
export async function pushBuilt(
  step: StepContext,
  { form = {}, insecure, indexAnnotations }: ImageOutput,
  { images, names }: PushedBuild,
  note: Note,
): Promise<OciDescriptor> {
  const { services, inputs, signal } = step;
  let pushed: OciDescriptor | undefined;
  for (const name of names) {
    note(`pushing ${name}`);
    const reference = parseReference(name);
    const auth = await inputs.credentials(reference.domain);
    const members: OciDescriptor[] = [];
    for (const { image, platform } of images) {
      const whole = { ...form, ...(images.length > 1 && { byDigest: true }) };
      const { digest, size, mediaType } = await pushOne(
        services,
        reference,
        image,
        { auth, form: whole, insecure },
        () => {},
        signal,
      );
      members.push({ mediaType, digest, size, platform: ociPlatform(platform) });
    }
    pushed = members[0];
    if (members.length < 2) continue;
    const mediaType = form.types === "docker" ? mediaTypes.dockerManifestList : mediaTypes.index;
    const bytes = new TextEncoder().encode(
      JSON.stringify(
        {
          schemaVersion: 2,
          mediaType,
          manifests: members,
          ...(indexAnnotations && { annotations: indexAnnotations }),
        },
        undefined,
        2,
      ),
    );
    const options = { ...credentialsFor(reference.domain, auth), insecure, signal };
    const { domain, path } = reference;
    const target = form.byDigest === true ? { domain, path, digest: sha256Of(bytes) } : reference;
    const digest = await services.registry.putManifest(target, bytes, mediaType, options);
    pushed = { mediaType, digest, size: bytes.length };
  }
  if (pushed === undefined) throw new Error("a push without a name");
  return pushed;
}

function ociPlatform({ os, architecture, variant }: Platform): OciPlatform {
  return { architecture, os, ...(variant !== "" && { variant }) };
}

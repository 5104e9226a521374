/** Images from registries. */
import type { EngineContext } from "./context.ts";
import { Image } from "./image.ts";
import { Progress } from "./progress.ts";
import type { RegistryOptions } from "./registry-options.ts";

/** With `:latest` where neither tag nor digest is given; without, Docker's API means all tags. */
export function withTag(image: string): string {
  const last = image.slice(image.lastIndexOf("/") + 1);
  return last.includes(":") || last.includes("@") ? image : `${image}:latest`;
}

export function pullImage(context: EngineContext, image: string, options: RegistryOptions): Progress<Image> {
  const { auth, platform, signal } = options;
  const reference = withTag(image);
  const lines = () =>
    context.api.lines("imageCreate", {
      query: { fromImage: reference, ...(platform !== undefined && { platform }) },
      headers: { ...(auth !== undefined && { "x-registry-auth": auth }) },
      body: nothing(),
      signal,
    });
  return new Progress(lines, () => new Image(context, reference));
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}

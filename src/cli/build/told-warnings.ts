/** The checks of a Dockerfile that has just been built: the images that its stages begin with are there, so they are asked for what they say. */
import type { ApiClient } from "../../client/api-client.ts";
import { basesIn, checkDockerfile } from "../../docker/dockerfile/check-dockerfile.ts";
import type { CheckedBase, CheckOptions, CheckWarning } from "../../docker/dockerfile/check-warning.ts";
import type { Dockerfile } from "../../docker/dockerfile/parse-dockerfile.ts";
import type { ByteDuplex } from "../../lib/byte-duplex.ts";

export type BuiltFile = Pick<CheckOptions, "arguments" | "ignores" | "platform">;

export async function warningsAfter(
  api: Pick<ApiClient<ByteDuplex>, "document">,
  file: Dockerfile,
  options: BuiltFile,
): Promise<readonly CheckWarning[]> {
  // A file without variables, for this machine's platform, has nothing that an image could say something about.
  const isPlain = !file.lines.some((line) => line.includes("$")) && (options.platform ?? "") === "";
  const bases = new Map<string, CheckedBase>();
  for (const name of isPlain ? [] : basesIn(file, options.arguments)) {
    try {
      const {
        Config,
        Os,
        Architecture,
        Variant = "",
      } = await api.document("imageInspect", { params: { name } });
      const environment = (Config?.Env ?? []).map((entry) => entry.split("=", 1)[0] ?? "");
      bases.set(name, { environment, platform: [Os, Architecture, Variant].filter(Boolean).join("/") });
    } catch {
      // One of another name, or that is gone, says nothing: the build is done.
    }
  }
  return checkDockerfile(file, { ...options, baseOf: (name) => bases.get(name) }).warnings;
}

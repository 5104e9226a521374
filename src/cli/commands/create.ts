/** `tiffin create`. */

import { EngineError } from "../../client/api-error.ts";
import { shownText } from "../../lib/shown-name.ts";
import { CidFile } from "../cid-file.ts";
import { defineCommand } from "../command.ts";
import { containerFlags } from "../container-config/container-flags.ts";
import { createBody } from "../container-config/create-body.ts";
import { describeError } from "../describe-error.ts";
import { PlainFailure } from "../exit-reports.ts";
import type { CliIo } from "../io.ts";
import { withImage } from "../missing-image.ts";
import { platformFor } from "../registry/default-platform.ts";

export const command = defineCommand({
  names: ["container create", "create"],
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Create a new container",
  flags: containerFlags,
  least: 1,
  interspersed: false,
  errorsLikeRun: true,
  async run({ values, given, positionals, context }) {
    const [image = "", ...words] = positionals;
    const body = createBody(
      { given, values, image, command: words, detached: false, consoleSize: undefined },
      context.io,
    );
    using cid = openCidFile(context.io, values.cidfile);
    const api = await context.api();
    const { pull: policy, quiet } = values;
    const platform = platformFor(values.platform, context.io);
    const wanted = { image, platform, policy, quiet };
    try {
      const created = await withImage(context, wanted, () =>
        api.document("containerCreate", {
          query: { name: values.name || undefined, platform: platform || undefined },
          body,
        }),
      );
      cid.write(created.Id);
      for (const warning of created.Warnings) context.err(`WARNING: ${shownText(warning)}\n`);
      context.out(`${created.Id}\n`);
      return 0;
    } catch (thrown) {
      // Unlike `run`, a refusal of the engine is printed without a pointer to the help, and the code is 1.
      if (thrown instanceof EngineError) throw new PlainFailure(describeError(thrown), 1);
      throw thrown;
    }
  },
});

/** Docker's `create` says what is wrong with the file, and nothing about its own usage. */
function openCidFile(io: CliIo, path: string): CidFile {
  try {
    return new CidFile(io, path);
  } catch (thrown) {
    throw new PlainFailure(describeError(thrown), 1);
  }
}

/** `tiffin tag`. */
import { parseReference } from "../../docker/reference.ts";
import { messageOf } from "../../lib/errors.ts";
import { defineCommand } from "../command.ts";

/** A name that is none costs nothing. */
function checkTarget(target: string): void {
  let digest: string | undefined;
  try {
    ({ digest } = parseReference(target));
  } catch (thrown) {
    const why = messageOf(thrown);
    throw new Error(
      `Error parsing reference: ${JSON.stringify(target)} is not a valid repository/tag: ${why}`,
    );
  }
  if (digest !== undefined) throw new Error("refusing to create a tag with a digest reference");
}

export const command = defineCommand({
  names: ["image tag", "tag"],
  usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  summary: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
  flags: {},
  least: 2,
  most: 2,
  async run({ positionals, context }) {
    const [source = "", target = ""] = positionals;
    checkTarget(target);
    const api = await context.api();
    await api.perform("imageTag", { params: { name: source }, query: { repo: target } });
    return 0;
  },
});

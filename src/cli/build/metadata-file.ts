/** `--metadata-file`: what the outputs of a build came to, as buildx writes it. */
import { type Decoded, mapOf, object, text } from "../../docker/decode.ts";

/** Among the messages of a build. */
const metadataMessage = object({ TiffinMetadata: mapOf(text) });

export type BuildMetadata = Decoded<typeof metadataMessage>["TiffinMetadata"];

/** Undefined: the message is about something else. */
export function metadataIn(aux: unknown): BuildMetadata | undefined {
  if (typeof aux !== "object" || aux === null || !("TiffinMetadata" in aux)) return undefined;
  return metadataMessage(aux, "").TiffinMetadata;
}

/** Documents within are documents in the file. */
export function metadataText(metadata: BuildMetadata): string {
  const entries = Object.entries(metadata).map(([key, value]): [string, unknown] => [
    key,
    key.endsWith(".descriptor") ? (JSON.parse(Buffer.from(value, "base64").toString()) as unknown) : value,
  ]);
  return `${JSON.stringify(Object.fromEntries(entries.sort()), undefined, 2)}\n`;
}

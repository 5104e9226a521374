/** `GET /tiffin/containers/{name}/explain`: the plan of a container's start, rendered by the engine. */
import { type Decoded, object, text } from "../decode.ts";

/** How a plan can be shown. `text` is one line per operation, `table` adds how each is taken back, `shell` is a script. */
export const explainFormats = ["text", "table", "json", "shell"] as const;
export type ExplainFormat = (typeof explainFormats)[number];

export const explainResponse = object({ Id: text, Text: text });
export interface ExplainResponse extends Decoded<typeof explainResponse> {}

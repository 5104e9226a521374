/** Events on the wire (Docker's API 1.50). */
import { type Decoded, integer, integer64, mapOf, object, optional, text } from "../decode.ts";

export const eventMessage = object({
  /** The three older names of Action, Actor.ID and the image; containers and images have them. */
  status: optional(text),
  id: optional(text),
  from: optional(text),
  Type: text,
  Action: text,
  Actor: object({ ID: text, Attributes: mapOf(text) }),
  scope: text,
  /** Unix seconds. */
  time: integer,
  timeNano: integer64,
});
export interface EventMessage extends Decoded<typeof eventMessage> {}

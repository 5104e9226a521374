/** How validation says no. */
import { TiffinError } from "../../../lib/errors.ts";

/** Throws `invalid` `container.<code>`. */
export function refuse(code: string, message: string): never {
  throw new TiffinError("invalid", `container.${code}`, message);
}

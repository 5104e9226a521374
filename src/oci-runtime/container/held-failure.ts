/**
 * A failure between the start of a held container and its exec. Whoever started it has no plan, so the message
 * carries the code of the operation instead of its place.
 */
import { type OpName, ops } from "../../abi/schema.ts";
import { TiffinError } from "../../lib/errors.ts";
import { errno as errnos, errnoText } from "../../linux/errno.ts";

export interface HeldFailure {
  readonly fields: { readonly op: number; readonly step: number; readonly errno: number };
  readonly object: string;
  readonly detail: string;
}

export function explainHeldFailure({ fields, object, detail }: HeldFailure): TiffinError {
  const { errno } = fields;
  // Object.keys loses the key type; the keys are exactly those of `ops`.
  const name = (Object.keys(ops) as OpName[]).find((each) => ops[each].code === fields.op);
  const said = detail === "" ? errnoText(errno) : `${errnoText(errno)}: ${detail}`;
  if (name === "exec") {
    const missing = errno === errnos.ENOENT || errno === errnos.ENOTDIR;
    const reason = missing ? "no such file or directory" : said;
    return new TiffinError("invalid", "start.program", `exec ${JSON.stringify(object)}: ${reason}`);
  }
  if (name === "hook") {
    return new TiffinError(
      "invalid",
      "start.hook-failed",
      `error running hook startContainer ${object}: ${said}`,
    );
  }
  const step = name === undefined ? "" : (ops[name].steps[fields.step] ?? "");
  const what = name === undefined || step === name ? (name ?? "operation") : `${name} (${step})`;
  const on = object === "" ? "" : ` on ${object}`;
  return new TiffinError("internal", "start.operation-failed", `cannot perform ${what}${on}: ${said}`);
}

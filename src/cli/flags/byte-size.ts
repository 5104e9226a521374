/** Sizes as people write them: `512m`, `1.5GiB`, `4096`. Binary multiples, as Docker counts memory. */
import { own } from "../../lib/own.ts";
import { custom, type Flag } from "./flag.ts";

const shifts: Readonly<Record<string, number>> = { b: 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/** Whole bytes. Throws `Error` with Docker's wording. */
export function parseByteSize(text: string): number {
  const match = /^(.*[0-9.]) ?([^0-9. ]*)$/.exec(text);
  if (match === null) throw new Error(`invalid size: '${text}'`);
  const [, digits = "", suffix = ""] = match;
  if (!/^\+?(\d+\.?\d*|\.\d+)$/.test(digits)) throw new Error(`invalid size: '${text}'`);
  const unit = /^(?:(b)|([kmgtp])(?:i?b)?)?$/i.exec(suffix);
  if (unit === null) throw new Error(`invalid suffix: '${suffix}'`);
  const shift = own(shifts, (unit[1] ?? unit[2] ?? "b").toLowerCase()) ?? 0;
  const bytes = Math.trunc(Number(digits) * 1024 ** shift);
  if (!Number.isSafeInteger(bytes)) throw new Error(`invalid size: '${text}'`);
  return bytes;
}

/** A size; undefined while not given. */
export function bytes(short: string, help: string): Flag<number | undefined> {
  return custom<number | undefined>(short, "bytes", help, undefined, (_before, value) =>
    parseByteSize(value),
  );
}

/** Like `bytes`, with -1 for "no limit". */
export function bytesOrUnlimited(short: string, help: string): Flag<number | undefined> {
  return custom<number | undefined>(short, "bytes", help, undefined, (_before, value) =>
    value === "-1" ? -1 : parseByteSize(value),
  );
}

/** How much log a container may keep, from `--log-opt max-size=10m --log-opt max-file=3`. */
import { TiffinError } from "../../../lib/errors.ts";
import { own } from "../../../lib/own.ts";
import { defaultLogFileBytes, defaultLogFiles } from "../specification/mod.ts";

const largestFiles = 1000;
const units: Readonly<Record<string, number>> = { "": 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** `10m`, `512k`, `1g` or bytes; -1 and 0 are no limit, which here is a very large one. */
function decodeSize(text: string): number {
  const match = /^(-?[0-9]{1,15})([bkmg]?)b?$/i.exec(text);
  const bytes = Number(match?.[1]) * (own(units, (match?.[2] ?? "").toLowerCase()) ?? Number.NaN);
  if (!Number.isSafeInteger(bytes)) {
    throw new TiffinError("invalid", "container.log-option", `invalid log option max-size: ${text}`);
  }
  return bytes > 0 ? bytes : Number.MAX_SAFE_INTEGER;
}

function decodeCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= largestFiles) return count;
  throw new TiffinError("invalid", "container.log-option", `invalid log option max-file: ${text}`);
}

export function decodeLogLimits(options: Readonly<Record<string, string>>): {
  readonly fileBytes: number;
  readonly files: number;
} {
  const size = options["max-size"];
  const count = options["max-file"];
  return {
    fileBytes: size === undefined ? defaultLogFileBytes : decodeSize(size),
    files: count === undefined ? defaultLogFiles : decodeCount(count),
  };
}

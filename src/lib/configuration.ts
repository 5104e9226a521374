/**
 * The one way from a file that somebody has written to a value: read, parsed and decoded strictly. Whatever is wrong there is one error
 * that begins with the file's name.
 */
import type { Decoder } from "./decoders.ts";
import { TiffinError } from "./errors.ts";
import { FileFault } from "./file-fault.ts";
import { parseStrictJson } from "./strict-json.ts";
import { readWrittenFile, textOfWritten, type WrittenFileRules } from "./written-file.ts";

export interface ConfigurationForm<T> extends Partial<WrittenFileRules> {
  /** The code of its errors. */
  readonly code: string;
  readonly decode: Decoder<T>;
  /** For what is not JSON. Its errors say what is wrong, and where if they know. */
  readonly parse?: (text: string) => unknown;
  readonly remedy?: string;
  readonly exitCode?: number;
}

/** Undefined where there is no such file; one without a word in it says as much as `{}`. Throws `invalid`. */
export function readConfiguration<T>(path: string, form: ConfigurationForm<T>): T | undefined {
  return withFileName(path, form, () => {
    const text = readWrittenFile(path, form);
    return text === undefined ? undefined : decodeText(text, form);
  });
}

/** The same of what has been read already. */
export function decodeConfiguration<T>(
  path: string,
  content: string | Uint8Array,
  form: ConfigurationForm<T>,
): T {
  return withFileName(path, form, () =>
    decodeText(typeof content === "string" ? content : textOfWritten(content), form),
  );
}

function decodeText<T>(text: string, { parse = parseStrictJson, decode }: ConfigurationForm<T>): T {
  return decode(text.trim() === "" ? {} : parse(text), "");
}

function withFileName<T>(path: string, form: Omit<ConfigurationForm<T>, "decode">, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    const isWrong = thrown instanceof FileFault || thrown instanceof SyntaxError;
    const isRefused = thrown instanceof TiffinError && thrown.kind === "invalid";
    if (!isWrong && !isRefused) throw thrown;
    const { remedy = isRefused ? thrown.remedy : undefined, exitCode } = form;
    throw new TiffinError("invalid", form.code, `${path}: ${thrown.message}`, {
      cause: thrown,
      ...(remedy !== undefined && { remedy }),
      ...(exitCode !== undefined && { exitCode }),
    });
  }
}

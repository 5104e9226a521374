/** A configuration file in TOML: another program's, read as it is. */
import { readConfiguration } from "../../lib/configuration.ts";
import type { Decoder } from "../../lib/decoders.ts";

const limitBytes = 1024 * 1024;

/** Undefined when there is no such file. Throws `invalid` naming the file. */
export function readToml<T>(path: string, decode: Decoder<T>): T | undefined {
  return readConfiguration(path, {
    code: "registry.bad-configuration",
    limitBytes,
    // Who writes it decides where images come from.
    trusted: true,
    parse: (text) => Bun.TOML.parse(text),
    decode,
  });
}

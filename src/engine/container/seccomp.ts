/**
 * Which system calls a container may make, as a compiled program. The default profile depends on the capabilities;
 * programs are compiled once per profile and set.
 */
import { readFileSync } from "node:fs";
import { TiffinError } from "../../lib/errors.ts";
import type { OciSeccomp } from "../../oci/mod.ts";

/** What the neighbours offer: the profile as data, and its compiler. */
export interface SeccompParts {
  /** The default profile for a process with these capabilities. */
  readonly defaultProfile: (capabilities: readonly string[]) => OciSeccomp;
  /** Decodes a profile that a user wrote, in the OCI's or Docker's form. */
  readonly decodeProfile: (document: unknown, capabilities: readonly string[]) => OciSeccomp;
  readonly compile: (profile: OciSeccomp) => Uint8Array;
}

export interface SeccompCompiler {
  /** The program for `--security-opt seccomp=...`; undefined for an unconfined process. */
  program(setting: string, capabilities: readonly string[], privileged: boolean): Uint8Array | undefined;
}

const rememberedPrograms = 32;

export function seccompCompiler(parts: SeccompParts): SeccompCompiler {
  const remembered = new Map<string, Uint8Array>();
  return {
    program(setting, capabilities, privileged) {
      if (setting === "unconfined" || (setting === "default" && privileged)) return undefined;
      const key = `${setting}\n${capabilities.join()}`;
      const known = remembered.get(key);
      if (known !== undefined) return known;
      const profile =
        setting === "default"
          ? parts.defaultProfile(capabilities)
          : parts.decodeProfile(parseProfile(setting), capabilities);
      const program = parts.compile(profile);
      if (remembered.size >= rememberedPrograms) remembered.clear();
      remembered.set(key, program);
      return program;
    },
  };
}

/** The setting is the profile's text, or the path of a file that holds it. */
function parseProfile(setting: string): unknown {
  try {
    const text = setting.startsWith("/") ? readFileSync(setting, "utf8") : setting;
    const document: unknown = JSON.parse(text);
    return document;
  } catch (thrown) {
    throw new TiffinError("invalid", "container.seccomp-profile", "cannot read the seccomp profile as JSON", {
      cause: thrown,
    });
  }
}

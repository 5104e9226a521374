/** config.json. Every 1.x version of the specification is accepted: later ones only add. */
import type { OciIdMapping } from "../id-mapping.ts";
import type { OciHook, OciHooks, OciMount, OciRoot, RuntimeSpec } from "../runtime-spec.ts";
import {
  absolutePath,
  type Decoder,
  flag,
  integer,
  list,
  mapOf,
  object,
  optional,
  required,
  text,
  uint32,
  wrong,
} from "./decoder.ts";
import { parseDocument } from "./json.ts";
import { linuxDecoder } from "./linux-spec.ts";
import { processDecoder } from "./process.ts";

const names = list(text);
const versionPattern = /^1\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?$/;
const longestTimeout = 2 ** 31 - 1;

const version: Decoder<string> = (value, path) => {
  const found = text(value, path);
  if (!versionPattern.test(found)) throw wrong(path, value, "a version 1.x.y");
  return found;
};

export const idMappings: Decoder<readonly OciIdMapping[]> = list(
  object<OciIdMapping>({ containerID: required(uint32), hostID: required(uint32), size: required(uint32) }),
);

const mount = object<OciMount>({
  // Relative destinations are deprecated by the specification and mean "below the root".
  destination: required((value, path) => {
    const found = text(value, path);
    return found.startsWith("/") ? found : `/${found}`;
  }),
  type: optional(text),
  source: optional(text),
  options: optional(names),
  uidMappings: optional(idMappings),
  gidMappings: optional(idMappings),
});

const hooks = optional(
  list(
    object<OciHook>({
      path: required(absolutePath),
      args: optional(names),
      env: optional(names),
      timeout: optional(integer(1, longestTimeout)),
    }),
  ),
);

const spec = object<RuntimeSpec>({
  ociVersion: required(version),
  hostname: optional(text),
  domainname: optional(text),
  process: optional(processDecoder),
  root: optional(object<OciRoot>({ path: required(text), readonly: optional(flag) })),
  mounts: optional(list(mount)),
  hooks: optional(
    object<OciHooks>({
      prestart: hooks,
      createRuntime: hooks,
      createContainer: hooks,
      startContainer: hooks,
      poststart: hooks,
      poststop: hooks,
    }),
  ),
  annotations: optional(mapOf(text)),
  linux: optional(linuxDecoder(idMappings)),
});

/** Reads config.json. Throws TiffinError invalid `oci.invalid-document` naming the field. */
export function decodeRuntimeSpec(bytes: Uint8Array): RuntimeSpec {
  return spec(parseDocument(bytes, "config.json"), "");
}

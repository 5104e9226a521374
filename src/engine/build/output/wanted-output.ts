/** An output in the words of BuildKit's exporters, which clients pass on as they are: what is known is done or refused. Pure. */
import { commaFields } from "../../../docker/comma-fields.ts";
import { TiffinError } from "../../../lib/errors.ts";
import type { LayerCompression, PushForm } from "../../registry/mod.ts";
import type { BuildOutput, OutputSink } from "../outputs.ts";

export interface OutputPlace {
  /** Where the output says none. */
  readonly names: readonly string[];
  /** What takes archives and files; throws where nothing does. */
  readonly sink: (kind: string) => OutputSink;
  /** Options that are not known are refused; BuildKit's own clients may send some that mean nothing here. */
  readonly strict: boolean;
}

export interface WantedOutput {
  readonly type: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/** `moby` is what Docker's own engine calls its image store. */
const imageKinds = ["image", "moby", "registry"];
const kinds = ["image", "registry", "local", "tar", "oci", "docker", "cacheonly"];

const placeOptions = ["type", "dest", "destination"];
const archiveOptions = [...placeOptions, "name", "tar", "compression", "oci-mediatypes", "rewrite-timestamp"];
type Family = "image" | "files" | "archive" | "cacheonly";
const options: Readonly<Record<Family, readonly string[]>> = {
  image: [
    "type",
    "name",
    "push",
    "push-by-digest",
    "registry.insecure",
    "oci-mediatypes",
    "compression",
    "force-compression",
    "rewrite-timestamp",
    "annotation.KEY",
  ],
  files: [...placeOptions, "platform-split"],
  archive: archiveOptions,
  cacheonly: ["type"],
};

/** Known to BuildKit, and other than their usual value not done. */
const notDone: Readonly<Record<string, string>> = {
  "compression-level": "",
  "name-canonical": "false",
  "dangling-name-prefix": "",
  "attestation-prefix": "",
  "prefer-nondist-layers": "false",
};

/** Errors: `build.output`. */
export function outputOf({ type, attributes }: WantedOutput, place: OutputPlace): BuildOutput {
  const read = new OutputReader(type, attributes);
  const family = familyOf(type);
  if (family === undefined) {
    throw invalid(`exporter ${JSON.stringify(type)} could not be found (there are: ${kinds.join(", ")})`);
  }
  read.check(options[family], place.strict);
  const names = attributes.has("name") ? namesIn(attributes.get("name") ?? "") : place.names;
  const rewriteTimes = read.flag("rewrite-timestamp", false);
  if (family === "cacheonly") return { kind: "cacheonly" };
  if (family === "image") {
    const form = formOf(read);
    const push = read.flag("push", type === "registry");
    const insecure = read.flag("registry.insecure", false);
    const { indexAnnotations } = annotationsOf(read);
    if (push && names.length === 0) throw invalid(`output ${type}: a push needs a name (name=, or -t)`);
    return {
      kind: "image",
      names,
      push,
      insecure,
      form,
      rewriteTimes,
      ...(indexAnnotations !== undefined && { indexAnnotations }),
    };
  }
  const sink = place.sink(type);
  if (family === "files") {
    const split = attributes.has("platform-split")
      ? { splitPlatforms: read.flag("platform-split", true) }
      : {};
    return { kind: type === "tar" ? "tar" : "local", sink, ...split };
  }
  if (!read.flag("tar", true))
    throw invalid(`output ${type}: tar=false is not done, the result is an archive`);
  if ((attributes.get("compression") ?? "uncompressed") !== "uncompressed") {
    throw invalid(`output ${type}: layers in archives are uncompressed, compression= is for registries`);
  }
  if (!read.flag("oci-mediatypes", true)) {
    throw invalid(`output ${type}: the layout in an archive has the media types of OCI`);
  }
  return { kind: type === "oci" ? "oci" : "docker", names, sink, rewriteTimes };
}

function familyOf(type: string): Family | undefined {
  if (imageKinds.includes(type)) return "image";
  if (type === "local" || type === "tar") return "files";
  if (type === "oci" || type === "docker") return "archive";
  return type === "cacheonly" ? "cacheonly" : undefined;
}

function namesIn(text: string): string[] {
  return commaFields(text).filter((name) => name !== "");
}

const compressions: readonly LayerCompression[] = ["uncompressed", "gzip", "zstd"];

function formOf(read: OutputReader): PushForm {
  const said = read.attributes.get("compression");
  const compression = compressions.find((one) => one === said);
  if (said !== undefined && compression === undefined) {
    throw invalid(`compression ${JSON.stringify(said)} is not done (there are: ${compressions.join(", ")})`);
  }
  const { annotations } = annotationsOf(read);
  if (annotations !== undefined && !read.flag("oci-mediatypes", true)) {
    throw invalid("annotations are OCI's: oci-mediatypes=false has no place for them");
  }
  return {
    ...(compression !== undefined && { compression }),
    ...(read.flag("force-compression", false) && { force: true }),
    ...(read.flag("push-by-digest", false) && { byDigest: true }),
    ...(annotations !== undefined && { annotations }),
    ...(read.attributes.has("oci-mediatypes") && {
      types: read.flag("oci-mediatypes", true) ? ("oci" as const) : ("docker" as const),
    }),
  };
}

/** `annotation.KEY`, `annotation-manifest.KEY`, `annotation-index.KEY` */
const annotationName = /^annotation(-manifest|-index)?\.(.+)$/;
/** Stands for all of these among the options. */
const annotated = "annotation.KEY";

function annotationsOf({ attributes }: OutputReader): {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly indexAnnotations?: Readonly<Record<string, string>>;
} {
  const manifest: [string, string][] = [];
  const index: [string, string][] = [];
  for (const [name, value] of attributes) {
    const [, level, key] = annotationName.exec(name) ?? [];
    if (key !== undefined) (level === "-index" ? index : manifest).push([key, value]);
  }
  return {
    ...(manifest.length > 0 && { annotations: Object.fromEntries(manifest) }),
    ...(index.length > 0 && { indexAnnotations: Object.fromEntries(index) }),
  };
}

class OutputReader {
  readonly attributes: ReadonlyMap<string, string>;
  readonly #type: string;

  constructor(type: string, attributes: ReadonlyMap<string, string>) {
    this.#type = type;
    this.attributes = attributes;
  }

  check(known: readonly string[], strict: boolean): void {
    for (const [name, value] of this.attributes) {
      if (known.includes(name)) continue;
      const usual = Object.hasOwn(notDone, name) ? notDone[name] : undefined;
      if (known.includes(annotated) && annotationName.test(name)) continue;
      if (name.startsWith("annotation") || (usual !== undefined && value !== usual)) {
        throw new TiffinError(
          "notImplemented",
          "build.output",
          `output ${this.#type}: ${name}=${value} is not done by this engine`,
        );
      }
      if (strict) {
        throw invalid(`output ${this.#type}: unknown option ${name} (there are: ${known.join(", ")})`);
      }
    }
  }

  flag(name: string, otherwise: boolean): boolean {
    const text = this.attributes.get(name);
    if (text === undefined) return otherwise;
    if (["", "true", "1"].includes(text)) return true;
    if (["false", "0"].includes(text)) return false;
    throw invalid(`output ${this.#type}: ${name}=${text} is neither true nor false`);
  }
}

function invalid(text: string): TiffinError {
  return new TiffinError("invalid", "build.output", text);
}

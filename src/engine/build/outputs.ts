/** Where what is built goes, and where steps are remembered beside the engine's own cache. */
import type { PushForm } from "../registry/mod.ts";

/** What takes files or an archive: a client. `end` resolves when it has it all. */
export interface OutputSink {
  /** One tar. What `local` sends is a tar too; the one who receives it unpacks it. */
  write(tar: AsyncIterable<Uint8Array>): Promise<void>;
}

/** What an output of any kind that is an image may want. */
export interface ImageWishes {
  readonly names: readonly string[];
  /** No file of the image's own layers is younger than the time that the client says (`SOURCE_DATE_EPOCH`). */
  readonly rewriteTimes?: boolean;
}

/** An image of this engine. */
export interface ImageOutput extends ImageWishes {
  readonly kind: "image";
  readonly push: boolean;
  readonly insecure: boolean;
  /** How it is written to a registry. */
  readonly form?: PushForm;
  /** Of the list, where there are several platforms. */
  readonly indexAnnotations?: Readonly<Record<string, string>>;
}

/** `splitPlatforms`: each platform has a directory of its own; left out, where there are several. */
export interface FilesOutput {
  readonly kind: "local" | "tar";
  readonly sink: OutputSink;
  readonly splitPlatforms?: boolean;
}

export interface ArchiveOutput extends ImageWishes {
  readonly kind: "oci" | "docker";
  readonly sink: OutputSink;
}

export type BuildOutput =
  | ImageOutput
  | FilesOutput
  | ArchiveOutput
  /** Nothing but the cache. */
  | { readonly kind: "cacheonly" };

export type CacheImport =
  /** `mounts`: new cache mounts begin with what it has of them. */
  | { readonly kind: "registry"; readonly reference: string; readonly mounts?: boolean }
  /** A directory of this host. */
  | { readonly kind: "local"; readonly source: string; readonly mounts?: boolean };

export interface CacheExportWishes {
  /** `min`: steps that are part of the result; `max`: of all stages. */
  readonly mode: "min" | "max";
  /** Cache mounts of the steps go along. */
  readonly mounts?: boolean;
  /** That it fails is told, and is no failure of the build. */
  readonly ignoreError?: boolean;
}

export type CacheExport =
  | ({ readonly kind: "registry"; readonly reference: string } & CacheExportWishes)
  | ({ readonly kind: "local"; readonly destination: string } & CacheExportWishes)
  /** In the configuration of the image itself. */
  | { readonly kind: "inline" };

export interface BuildResult {
  /** Of each platform, in the order of the request. `id` is the image's, absent where none was made. */
  readonly images: readonly { readonly platform: string; readonly id?: string; readonly digest?: string }[];
  /** As BuildKit's exporter answers: `containerimage.digest`, `image.name`... */
  readonly exporter: Readonly<Record<string, string>>;
}

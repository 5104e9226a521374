/** Where what is built goes, and where steps are remembered beside the engine's own cache. */

/** What takes files or an archive: a client. `end` resolves when it has it all. */
export interface OutputSink {
  /** One tar. What `local` sends is a tar too; the one who receives it unpacks it. */
  write(tar: AsyncIterable<Uint8Array>): Promise<void>;
}

export type BuildOutput =
  /** An image of this engine. */
  | {
      readonly kind: "image";
      readonly names: readonly string[];
      readonly push: boolean;
      readonly insecure: boolean;
    }
  | { readonly kind: "local" | "tar"; readonly sink: OutputSink }
  | { readonly kind: "oci" | "docker"; readonly names: readonly string[]; readonly sink: OutputSink }
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

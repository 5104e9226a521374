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
  | { readonly kind: "registry"; readonly reference: string }
  /** A directory of this host with an OCI layout. */
  | { readonly kind: "local"; readonly source: string };

export type CacheExport =
  | { readonly kind: "registry"; readonly reference: string; readonly mode: "min" | "max" }
  | { readonly kind: "local"; readonly destination: string; readonly mode: "min" | "max" }
  /** In the configuration of the image itself. */
  | { readonly kind: "inline" };

export interface BuildResult {
  /** Of each platform, in the order of the request. `id` is the image's, absent where none was made. */
  readonly images: readonly { readonly platform: string; readonly id?: string; readonly digest?: string }[];
  /** As BuildKit's exporter answers: `containerimage.digest`, `image.name`... */
  readonly exporter: Readonly<Record<string, string>>;
}

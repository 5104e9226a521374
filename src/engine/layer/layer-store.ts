/**
 * What a layer store is, whatever it keeps layers in: directories and images of file systems are alike behind these words.
 *
 * Vocabulary. A *layer* is a read-only file tree, content-addressed: its id is the hex sha256 of its
 * uncompressed tar (Docker's diff id without the `sha256:`), so equal layers of different images are one. A
 * *chain* is the list of layer ids of an image, lowest first. An *ingest* is a layer that is being filled. A
 * *container directory* holds what one container may change and what its supervisor writes.
 *
 * Life cycle.
 *   ingest -> finish -> layer -> removeLayer -> trash           (or ingest -> given up -> trash)
 *   prepare(container, chain) -> container directory -> remove -> trash
 * Every arrow is one rename, so a crash leaves the state before or after it, never between. Trash is emptied in
 * the background and by the next start. What is not finished does not survive a start: `sweep` trashes them, and nothing else that it
 * does not know: a database that was lost must not cost anybody a file.
 *
 * Rules for callers. A layer is never written to after `finish`. A chain in use by a container must stay; the
 * store does not count references, the image store and the containers do. `remove` of a container whose
 * processes still run is the caller's bug: the rename works, and the processes lose their files.
 */
import type { ImageMountWay } from "../../kernel/image-mount.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";

/**
 * What a layer is read from, whatever the store keeps it in: where an overlay, a tree view and a walk start. Paths are absolute
 * host paths; that of an image is the file that holds it, and only for people.
 */
export type Lower =
  | { readonly kind: "directory"; readonly path: string }
  /** The root of the image's file system. The store mounts an image once, so all who read it share its pages. */
  | {
      readonly kind: "image";
      readonly path: string;
      readonly mount: OwnedFd;
      /** On kernels whose overlay takes no other: where the mount is attached in the namespace of the store. */
      readonly attached?: { readonly place: string; readonly way: ImageMountWay };
    };

/** What a container may write to. All paths are absolute host paths. */
export interface ContainerDirectory {
  readonly directory: string;
  readonly upper: string;
  readonly work: string;
  /** Empty directory for the supervisor's log files. */
  readonly logs: string;
  /** Preallocated record file of the supervisor. */
  readonly record: string;
}

export function closeLowers(lowers: readonly Lower[]): void {
  for (const lower of lowers) if (lower.kind === "image") lower.mount[Symbol.dispose]();
}

export interface StoredLayer {
  readonly id: string;
  /** Sum of the lengths of the files that its archive holds. */
  readonly bytes: number;
}

/** A layer that comes in as the bytes of its uncompressed tar. Disposing one that has not finished gives it up. */
export interface LayerIngest extends Disposable {
  /** Throws `archive.*` for what is no tar, or leads out of the layer. */
  push(piece: Uint8Array): void;
  /**
   * When all has come: puts it on disk as far as others need not wait for that, so that little is left for `finish`, which blocks.
   * Throws what `finish` would.
   */
  settle(): Promise<void>;
  /**
   * Puts it on disk and makes it the layer that its digest names. When that exists already this one is discarded: same id, same
   * content. `wanted` is the id that it must have; `layer.other-digest` when it has not. `announce` hears the id before anything of that
   * name is there, so that who answers for the layer can write it down.
   */
  finish(wanted?: string, announce?: (id: string) => void): StoredLayer;
}

/** A layer as the stream that its id is the digest of. */
export interface LayerTar {
  /** How long it is. */
  bytes(): Promise<number>;
  /** Throws `layer.other-tar` at its end when the layer is no longer what came in. A piece is valid until the next is asked for. */
  read(): AsyncGenerator<Uint8Array>;
}

export type LayerCheck =
  | { readonly result: "good" | "unknown" }
  /** `problem` says what was found, and where. */
  | { readonly result: "damaged"; readonly problem: string };

export interface LayerStore {
  /** False for one that was found damaged: whoever has its content may bring it in again, in its place. */
  hasLayer(id: string): boolean;
  /** 0 for one that is gone, as its place on disk is. */
  layerBytes(id: string): number;
  /** What it takes on disk, from what was written down when it came in. */
  layerDiskBytes(id: string): number;
  ingest(): LayerIngest;
  /** The layer's tar, byte for byte as it came in. Throws `notFound` when it is missing. */
  openTar(id: string): LayerTar;
  removeLayer(id: string): void;

  /**
   * Makes the directory of a new container over `chain` (lowest first). Throws `notFound` when a layer is
   * missing and `conflict` when the container has a directory already.
   */
  prepare(containerId: string, chain: readonly string[]): ContainerDirectory;
  /**
   * The same, where the container may write no more than `sizeBytes`: what it writes is in a file system of that size. The paths
   * lead there only within this process, for as long as the container is there. Throws `unavailable` where the host cannot do it.
   */
  prepareSized(containerId: string, chain: readonly string[], sizeBytes: number): Promise<ContainerDirectory>;
  /** The file system that a container of limited size writes to, mounted for one who joins it to an overlay; its to close. */
  openSized(containerId: string): OwnedFd | undefined;
  /** The directory that an earlier `prepare` made. */
  containerDirectory(containerId: string): ContainerDirectory;
  /**
   * The layers of `chain`, uppermost first. The descriptors are the caller's to close (`closeLowers`) or to give away. Throws
   * `notFound` when a layer is missing.
   */
  openLowers(chain: readonly string[]): Lower[];
  /** The mount namespace in which images are attached, the caller's to close; undefined where they need not be. */
  openNamespace(): OwnedFd | undefined;
  /** Where the layers of `chain` are, uppermost first, for people; looks at nothing. */
  lowerPaths(chain: readonly string[]): string[];
  /**
   * Reads all of a layer and compares it with what was written. A layer of plain files keeps nothing that it could be compared
   * with. What is damaged is remembered, and stays until it comes in again. What is missing is damaged too.
   */
  checkLayer(id: string): Promise<LayerCheck>;
  /**
   * The first layer of `chain` that has to come in again before anything is made of it: it is missing, was found damaged, or does
   * not mount and is then read and found damaged.
   */
  lostLayer(chain: readonly string[]): Promise<string | undefined>;
  /** Bytes that the container itself has written (size of the upper directory, hard links once). */
  containerBytes(containerId: string): Promise<number>;
  /**
   * Lets the overlay of a container be mounted again that was mounted for one run only, without syncing what it writes. Only
   * while the host has not gone down in between.
   */
  mountAgain(containerId: string): void;
  /** Takes a container's directory away at once; its files are deleted in the background. Idempotent. */
  remove(containerId: string): void;

  /** Names of all container directories that there are. */
  containerDirectories(): string[];
  /**
   * At a start: trashes what is unfinished (layers, directories made ahead of need), and container directories in which nothing
   * ever was. Whatever else is there of containers that nobody knows is left as it is, and returned.
   */
  sweep(known: ReadonlySet<string>): string[];
  /** Layers that nobody knows, which are left as they are. It looks at every name there is, so no start waits for it. */
  sweepLayers(known: ReadonlySet<string>): string[];
  /** Makes container directories ahead of need; call it in idle time. */
  warm(count: number): void;
  /** Resolves when everything in the trash has been deleted. */
  emptied(): Promise<void>;
  /** Stops background work. What is left in the trash is deleted after the next start. */
  close(): void;
}

/**
 * Layers as images or as plain directories, joined by overlayfs at the start of a container. Both kinds may lie side by side:
 * what the kernel can decides what new ones become.
 *
 * On disk (all directories 0700 except `diff`, `upper` and what is below them):
 *
 *   <root>/layers/<id>/image            the tree as an EROFS image (and image.mounted, empty, where that must be attached), or
 *   <root>/layers/<id>/diff/            the tree as it is
 *   <root>/layers/<id>/layer.json       what is known of it (layer-description.ts)
 *   <root>/layers/<id>/damaged          empty: it is not what was written
 *   <root>/unfinished/<hex>/            a layer that is coming in
 *   <root>/containers/<id>/             upper/ work/ logs/ record, and the engine's container.json
 *   <root>/containers/<id>/writable     a file system with upper/ and work/ instead, where their size is limited
 *   <root>/containers/.ready-<hex>/     the same, not given to a container yet
 *   <root>/trash/<hex>                  being deleted
 *
 * What is unfinished and names that begin with a dot never survive a start; every other name does, whoever knows it. The parent `layers/<id>` is 0700, so nobody but root
 * reaches set-uid programs of an image through the host.
 */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { removeTree } from "../../kernel/directory.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { messageOf, TiffinError } from "../../lib/errors.ts";
import { randomHex } from "../../lib/ids.ts";
import { pause } from "../../lib/timer.ts";
import { DirectoryIngest } from "./directory-ingest.ts";
import { exchangePaths, syncDirectory, syncFile, syncFileSystem } from "./durable.ts";
import { checkSumOf } from "./image-file.ts";
import { ImageIngest } from "./image-ingest.ts";
import { ImageMounts } from "./image-mounts.ts";
import {
  decodeLayerDescription,
  encodeLayerDescription,
  isBadDescription,
  type LayerDescription,
  type TopDirectory,
} from "./layer-description.ts";
import type { LayerForm } from "./layer-form.ts";
import {
  type ContainerDirectory,
  closeLowers,
  type LayerCheck,
  type LayerIngest,
  type LayerStore,
  type LayerTar,
  type Lower,
} from "./layer-store.ts";
import { layerTar } from "./layer-tar.ts";
import { ReadyDirectories } from "./ready-directories.ts";
import { seenLayers } from "./seen-layers.ts";
import { SizedDirectories, sizedName } from "./sized-directories.ts";
import { skeletonName } from "./skeleton-file.ts";
import { isMissing, Trash } from "./trash.ts";
import { treeBytes } from "./tree-size.ts";
import { writing } from "./write-failure.ts";

export interface OverlayLayerStoreOptions {
  /** What new layers become; directories unless something else is said. */
  readonly form?: LayerForm;
  /** The engine's root directory; must be on a file system that overlayfs accepts as upper. */
  readonly root: string;
  /** To how many bytes the holes of a layer's files may add up, which are nothing in its archive. */
  readonly limitHoleBytes?: number;
  /** Hears of background work that failed: an `Error` each. */
  readonly report?: (thrown: unknown) => void;
}

/** What reading a file fails with when it, or what is in it, is not there any more. */
const lossCodes: ReadonlySet<unknown> = new Set([
  "ENOENT",
  "ENOTDIR",
  "EIO",
  "ENODATA",
  "EUCLEAN",
  "EBADMSG",
]);

/** In the work directory: the kernel's mark of a mount that did not sync, which makes every later one fail. (filesystems/overlayfs) */
const volatileMark = "work/incompat";
const privateMode = 0o700;
const rootDirectoryMode = 0o755;
const layerIdPattern = /^[0-9a-f]{64}$/;
/** Of most file systems. */
const blockBytes = 4096;
/** overlayfs takes 500 lower directories. */
const chainLimit = 500;
const nameDigits = 16;

export function openOverlayLayerStore(options: OverlayLayerStoreOptions): LayerStore {
  return new OverlayLayerStore(options);
}

interface KnownLayer {
  readonly isDamaged: boolean;
  readonly description: LayerDescription;
  readonly top: TopDirectory;
}

class OverlayLayerStore implements LayerStore {
  readonly #layers: string;
  /** Beside the layers, so that a start finds what was cut short without a look at all of them. */
  readonly #unfinished: string;
  readonly #containers: string;
  /** A directory that stays empty. */
  readonly #nothing: string;
  readonly #trash: Trash;
  readonly #known = new Map<string, KnownLayer>();
  readonly #form: LayerForm;
  readonly #limitHoleBytes: number | undefined;
  readonly #mounts: ImageMounts;
  readonly #sized = new SizedDirectories();
  readonly #ready: ReadyDirectories;
  readonly #report: (thrown: unknown) => void;

  constructor(options: OverlayLayerStoreOptions) {
    this.#form = options.form ?? { kind: "directory" };
    this.#limitHoleBytes = options.limitHoleBytes;
    this.#mounts = new ImageMounts(
      this.#form.kind === "image" ? this.#form : { way: "file", attached: false },
      options.root,
    );
    this.#layers = `${options.root}/layers`;
    this.#unfinished = `${options.root}/unfinished`;
    this.#containers = `${options.root}/containers`;
    this.#nothing = `${options.root}/nothing`;
    for (const directory of [this.#layers, this.#unfinished, this.#containers, this.#nothing]) {
      mkdirSync(directory, { recursive: true, mode: privateMode });
    }
    this.#report = options.report ?? (() => {});
    this.#trash = new Trash(`${options.root}/trash`, this.#report);
    this.#ready = new ReadyDirectories({
      parent: this.#containers,
      trash: this.#trash,
      report: this.#report,
    });
  }

  hasLayer(id: string): boolean {
    return this.#find(id)?.isDamaged === false;
  }

  layerBytes(id: string): number {
    return this.#find(id)?.description.bytes ?? 0;
  }

  layerDiskBytes(id: string): number {
    const description = this.#find(id)?.description;
    if (description === undefined) return 0;
    const content =
      description.kind === "image" ? description.imageBytes : (description.diskBytes ?? description.bytes);
    const skeleton = statSync(`${this.#layers}/${id}/${skeletonName}`, { throwIfNoEntry: false });
    // Beside that, its directory and its description.
    return content + wholeBlocks(skeleton?.size ?? 0) + 2 * blockBytes;
  }

  ingest(): LayerIngest {
    return writing(() => this.#beginIngest());
  }

  #beginIngest(): LayerIngest {
    const unfinished = `${this.#unfinished}/${randomHex(nameDigits)}`;
    mkdirSync(unfinished, { mode: privateMode });
    const discard = (): void => void this.#trash.discard(unfinished);
    try {
      return this.#openIngest(unfinished, discard);
    } catch (thrown) {
      discard();
      throw thrown;
    }
  }

  #openIngest(unfinished: string, discard: () => void): LayerIngest {
    if (this.#form.kind === "image") {
      const skeleton = `${unfinished}/${skeletonName}`;
      return new ImageIngest(`${unfinished}/image`, skeleton, this.#limitHoleBytes, {
        keep: ({ id, bytes }, image, tarBytes) =>
          this.#keep(unfinished, id, { kind: "image", bytes, tarBytes, ...image }),
        discard,
      });
    }
    mkdirSync(`${unfinished}/diff`);
    // The mode of mkdir is subject to the process's umask; a root directory without 0755 locks users out.
    chmodSync(`${unfinished}/diff`, rootDirectoryMode);
    return new DirectoryIngest(unfinished, this.#limitHoleBytes, {
      keep: ({ id, bytes }, tarBytes, diskBytes) =>
        this.#keep(unfinished, id, { kind: "directory", bytes, tarBytes, diskBytes }),
      discard,
    });
  }

  #keep(unfinished: string, id: string, description: LayerDescription): void {
    writing(() => writeFileSync(`${unfinished}/layer.json`, encodeLayerDescription(description)));
    // An image is on disk already: what others write meanwhile need not be waited for.
    if (description.kind === "image") syncFile(`${unfinished}/layer.json`);
    else syncFileSystem(unfinished);
    if (description.kind === "image") syncDirectory(unfinished);
    try {
      renameSync(unfinished, `${this.#layers}/${id}`);
    } catch (thrown) {
      const there = this.#find(id);
      if (there === undefined && !existsSync(`${this.#layers}/${id}`)) throw thrown;
      if (there === undefined || there.isDamaged) {
        // Containers that run keep what they have mounted.
        this.#mounts.letGo(this.#image(id));
        exchangePaths(unfinished, `${this.#layers}/${id}`);
        this.#known.delete(id);
        syncDirectory(this.#layers);
      }
      this.#trash.discard(unfinished);
      return;
    }
    syncDirectory(this.#layers);
  }

  openTar(id: string): LayerTar {
    const { tarBytes } = this.#get(id).description;
    const skeleton = `${this.#layers}/${id}/${skeletonName}`;
    return layerTar(id, { skeleton, tarBytes, open: () => this.#open(id) });
  }

  removeLayer(id: string): void {
    this.#known.delete(id);
    this.#mounts.letGo(this.#image(id));
    this.#trash.discard(`${this.#layers}/${id}`);
  }

  prepare(containerId: string, chain: readonly string[]): ContainerDirectory {
    const result = this.containerDirectory(containerId);
    const top = this.#checkChain(chain);
    // rename would replace an empty directory, and one that is not empty must not be touched either.
    if (existsSync(result.directory)) {
      throw new TiffinError(
        "conflict",
        "layer.container-exists",
        `container ${containerId} has a directory already`,
      );
    }
    this.#ready.take(result.directory);
    if (top !== undefined) applyTop(result.upper, top);
    return result;
  }

  async prepareSized(
    containerId: string,
    chain: readonly string[],
    sizeBytes: number,
  ): Promise<ContainerDirectory> {
    const { directory } = this.prepare(containerId, chain);
    try {
      await this.#sized.make(directory, sizeBytes);
      const result = this.containerDirectory(containerId);
      const top = this.#checkChain(chain);
      if (top !== undefined) applyTop(result.upper, top);
      return result;
    } catch (thrown) {
      this.remove(containerId);
      throw thrown;
    }
  }

  openSized(containerId: string): OwnedFd | undefined {
    return this.#sized.openAgain(`${this.#containers}/${containerId}`);
  }

  containerDirectory(containerId: string): ContainerDirectory {
    const directory = `${this.#containers}/${containerId}`;
    const writable = this.#sized.placeOf(directory) ?? directory;
    return {
      directory,
      upper: `${writable}/upper`,
      work: `${writable}/work`,
      logs: `${directory}/logs`,
      record: `${directory}/record`,
    };
  }

  openLowers(chain: readonly string[]): Lower[] {
    this.#checkChain(chain);
    const lowers: Lower[] = [];
    try {
      for (const id of seenLayers(chain)) lowers.push(this.#open(id));
      // An overlay takes no fewer than one: of an image without layers it is what shows nothing.
      if (lowers.length === 0) lowers.push({ kind: "directory", path: this.#nothing });
    } catch (thrown) {
      closeLowers(lowers);
      throw thrown;
    }
    return lowers;
  }

  #open(id: string): Lower {
    if (this.#get(id).description.kind === "directory") return { kind: "directory", path: this.#tree(id) };
    const path = this.#image(id);
    try {
      return { kind: "image", path, ...this.#mounts.open(path) };
    } catch (thrown) {
      if (!(thrown instanceof SyscallError)) throw thrown;
      throw new TiffinError(
        "unavailable",
        "layer.not-mounted",
        `cannot mount layer ${id}: ${thrown.message}`,
        {
          remedy:
            "`tiffin image check` tells whether it is damaged; a damaged one is fetched again by a pull",
          cause: thrown,
        },
      );
    }
  }

  openNamespace(): OwnedFd | undefined {
    return this.#mounts.namespace?.duplicate();
  }

  lowerPaths(chain: readonly string[]): string[] {
    const isImage = (id: string): boolean => this.#find(id)?.description.kind === "image";
    return seenLayers(chain).map((id) => (isImage(id) ? this.#image(id) : this.#tree(id)));
  }

  async lostLayer(chain: readonly string[]): Promise<string | undefined> {
    for (const id of chain) {
      if (!this.hasLayer(id)) return id;
      const description = this.#find(id)?.description;
      if (description?.kind !== "image" || this.#mounts.isOpen(this.#image(id))) continue;
      if (this.#mountsWhole(id, description.imageBytes)) continue;
      if ((await this.checkLayer(id)).result === "damaged") return id;
    }
    return undefined;
  }

  /** What does not may be whole: this process may lack descriptors, or the host what the start will name. */
  #mountsWhole(id: string, imageBytes: number): boolean {
    try {
      // An image that was cut off mounts, for what is at its end is looked at later.
      if (statSync(this.#image(id)).size !== imageBytes) return false;
      closeLowers([this.#open(id)]);
      return true;
    } catch {
      return false;
    }
  }

  async checkLayer(id: string): Promise<LayerCheck> {
    const description = this.#find(id)?.description;
    if (description === undefined) {
      return { result: "damaged", problem: `${this.#layers}/${id}: no layer.json that says what it is` };
    }
    if (description.kind === "directory") return { result: "unknown" };
    const path = this.#image(id);
    const damaged = (problem: string): LayerCheck => {
      writeFileSync(this.#damageMark(id), "");
      this.#known.delete(id);
      return { result: "damaged", problem: `${path}: ${problem}` };
    };
    try {
      const { size } = statSync(path);
      if (size !== description.imageBytes) {
        return damaged(`${size} bytes where ${description.imageBytes} were written`);
      }
      const found = await checkSumOf(path, () => pause(0));
      if (found === description.checkSum) {
        rmSync(this.#damageMark(id), { force: true });
        this.#known.delete(id);
        return { result: "good" };
      }
      return damaged(`check sum ${found} where that of what was written is ${description.checkSum}`);
    } catch (thrown) {
      // Want of descriptors or memory says nothing about the layer.
      if (!lossCodes.has(codeOf(thrown))) throw thrown;
      return damaged(messageOf(thrown));
    }
  }

  async containerBytes(containerId: string): Promise<number> {
    let upper: string;
    try {
      upper = this.containerDirectory(containerId).upper;
    } catch (thrown) {
      // What one container has lost must not keep the others from being counted.
      this.#report(thrown);
      return 0;
    }
    return await treeBytes(upper);
  }

  mountAgain(containerId: string): void {
    removeTree(`${this.containerDirectory(containerId).work}/${volatileMark}`);
  }

  remove(containerId: string): void {
    const directory = `${this.#containers}/${containerId}`;
    this.#sized.letGo(directory);
    this.#ready.takeBack(directory);
  }

  sweep(known: ReadonlySet<string>): string[] {
    for (const name of readdirSync(this.#unfinished)) this.#trash.discard(`${this.#unfinished}/${name}`);
    const strangers = this.#strangersIn(this.#containers, known).filter(
      (name) => !this.#discardUnused(`${this.#containers}/${name}`),
    );
    this.#trash.start();
    return strangers;
  }

  sweepLayers(known: ReadonlySet<string>): string[] {
    const strangers = this.#strangersIn(this.#layers, known);
    this.#trash.start();
    return strangers;
  }

  #strangersIn(directory: string, known: ReadonlySet<string>): string[] {
    const strangers: string[] = [];
    for (const name of readdirSync(directory)) {
      const path = `${directory}/${name}`;
      if (known.has(name) || this.#ready.has(path)) continue;
      if (name.startsWith(".")) this.#trash.discard(path);
      else strangers.push(name);
    }
    return strangers;
  }

  containerDirectories(): string[] {
    return readdirSync(this.#containers).filter((name) => !name.startsWith("."));
  }

  /** What an interrupted creation leaves: the directory as it was made ahead of need, used by nobody. */
  #discardUnused(directory: string): boolean {
    try {
      const entries = readdirSync(directory).sort().join(" ");
      if (entries !== "logs record upper work" && entries !== `logs record upper work ${sizedName}`) {
        return false;
      }
      if (readdirSync(`${directory}/upper`).length > 0 || readdirSync(`${directory}/logs`).length > 0)
        return false;
      if (readFileSync(`${directory}/record`).some((byte) => byte !== 0)) return false;
    } catch {
      return false;
    }
    this.#trash.discard(directory);
    return true;
  }

  warm(count: number): void {
    this.#ready.warm(count);
  }

  async emptied(): Promise<void> {
    await this.#ready.renewed();
    await this.#trash.emptied();
  }

  close(): void {
    this.#ready.close();
    this.#trash.close();
    this.#mounts[Symbol.dispose]();
    this.#sized[Symbol.dispose]();
  }

  #damageMark(id: string): string {
    return `${this.#layers}/${id}/damaged`;
  }

  #image(id: string): string {
    return `${this.#layers}/${id}/image`;
  }

  #tree(id: string): string {
    return `${this.#layers}/${id}/diff`;
  }

  /** Checks that all layers are there and returns the top one. */
  #checkChain(chain: readonly string[]): TopDirectory | undefined {
    if (chain.length > chainLimit) {
      throw new TiffinError(
        "invalid",
        "layer.chain-too-long",
        `image has ${chain.length} layers, the kernel joins at most ${chainLimit}`,
      );
    }
    let top: TopDirectory | undefined;
    for (const id of chain) top = this.#get(id).top;
    return top;
  }

  #get(id: string): KnownLayer {
    const found = this.#find(id);
    if (found === undefined) throw new TiffinError("notFound", "layer.missing", `layer ${id} does not exist`);
    return found;
  }

  #find(id: string): KnownLayer | undefined {
    const cached = this.#known.get(id);
    if (cached !== undefined) return cached;
    if (!layerIdPattern.test(id)) return undefined;
    try {
      const description = decodeLayerDescription(readFileSync(`${this.#layers}/${id}/layer.json`, "utf8"));
      const found = {
        description,
        top: description.kind === "image" ? description.top : this.#topOf(id),
        isDamaged: existsSync(this.#damageMark(id)),
      };
      this.#known.set(id, found);
      return found;
    } catch (thrown) {
      // What is not said any more is as good as gone.
      if (isMissing(thrown) || isBadDescription(thrown)) return undefined;
      throw thrown;
    }
  }

  #topOf(id: string): TopDirectory {
    const { mode, uid, gid } = statSync(this.#tree(id));
    return { mode: mode & 0o7777, uid, gid };
  }
}

function wholeBlocks(bytes: number): number {
  return Math.ceil(bytes / blockBytes) * blockBytes;
}

/** overlayfs shows the upper directory's own owner and mode as those of `/`. */
function applyTop(upper: string, top: TopDirectory): void {
  if (top.uid !== 0 || top.gid !== 0) chownSync(upper, top.uid, top.gid);
  if (top.mode !== rootDirectoryMode) chmodSync(upper, top.mode);
}

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
}

/** Images as clients ask for them. */
import { pruneRunning } from "../../docker/messages.ts";
import { familiarName, normaliseReference, parseReference, type Reference } from "../../docker/reference.ts";
import type {
  ImageCheckItem,
  ImageDeleteItem,
  ImageHistoryItem,
  ImageInspect,
  ImagePruneReport,
  ImageSummary,
} from "../../docker/types/image.ts";
import type { ProgressMessage } from "../../docker/types/progress.ts";
import type {
  AuthConfig,
  AuthResponse,
  DistributionInspect,
  ManifestListPushed,
  RegistryManifests,
  SearchResult,
} from "../../docker/types/registry.ts";
import { Breather } from "../../lib/breather.ts";
import { nowMs } from "../../lib/clock.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { Platform } from "../../oci/mod.ts";
import type { LayerStore } from "../layer/mod.ts";
import type { RegistryClient } from "../registry/mod.ts";
import { type ImportOptions, importArchive } from "./archive/import-archive.ts";
import { loadArchive } from "./archive/load-archive.ts";
import { type SavedImage, saveArchive } from "./archive/save-archive.ts";
import type { ImageFailpointHook } from "./failpoints.ts";
import {
  checkFilters,
  danglingOf,
  type FilterMap,
  imageTest,
  listFilters,
  pruneFilters,
  referenceTest,
} from "./filters.ts";
import type { Image } from "./image.ts";
import { imageHistory, imageInspect, imageSummary } from "./present.ts";
import { isIdOf, type RemovalContext, type RemoveOptions, removeImage } from "./remove-image.ts";
import { inspectDistribution, logIn, type SearchRequest, searchImages } from "./transfer/ask-registry.ts";
import { pullAllTags, pullImage } from "./transfer/pull-image.ts";
import { pushImages } from "./transfer/push-image.ts";
import {
  type ManifestListRequest,
  type ManifestsRequest,
  pushManifestList,
  registryManifests,
} from "./transfer/registry-manifests.ts";
import { requirePlatform, wantedPlatform } from "./wanted-platform.ts";

export interface ImageListOptions {
  /** Those that others were made from, too. */
  readonly all: boolean;
  readonly sharedSize: boolean;
  /** How many containers each has, too. */
  readonly containers?: boolean;
  readonly filters: FilterMap;
}

export interface TagOptions {
  readonly repository: string;
  readonly tag: string | undefined;
}

export interface ImageServiceContext extends RemovalContext {
  readonly registry: RegistryClient;
  readonly layers: LayerStore;
  /** Of this machine. */
  readonly host: Platform;
  /** Of what an archive and each layer in it unpack to. */
  readonly limitBytes: number;
  readonly fail: ImageFailpointHook;
}

type Report = (message: ProgressMessage) => void;

export interface ImportRequest extends Omit<ImportOptions, "platform"> {
  readonly platform: string | undefined;
}

export interface PullRequest {
  readonly name: string;
  readonly tag: string | undefined;
  readonly platform: string | undefined;
  readonly auth: AuthConfig | undefined;
}

/** What an image must be for; undefined is anything. */
export interface PlatformRequest {
  readonly platform: string | undefined;
}

export interface PushRequest extends PlatformRequest {
  readonly name: string;
  readonly tag: string | undefined;
  readonly auth: AuthConfig | undefined;
}

const anyPlatform: PlatformRequest = { platform: undefined };
const notComputed = -1;
/** A tag of this name would read like the beginning of a digest. */
const digestAlgorithm = "sha256";

export class ImageService {
  readonly #context: ImageServiceContext;
  #pruning = false;

  constructor(context: ImageServiceContext) {
    this.#context = context;
  }

  /** Errors: `invalid` for a filter that is not known. */
  async list(options: ImageListOptions): Promise<ImageSummary[]> {
    const { images, usersOf } = this.#context;
    const { filters } = options;
    checkFilters(filters, listFilters);
    const matches = imageTest(filters, nowMs(), (name) => images.resolve(name));
    const names = referenceTest(filters);
    const dangling = danglingOf(filters);
    return images.list().flatMap((image) => {
      if (!matches(image)) return [];
      const tags = images.tags(image.id).filter((tag) => names?.(tag) ?? true);
      const digests = images.digests(image.id).filter((digest) => names?.(digest) ?? true);
      if (tags.length + digests.length === 0) {
        const hidden = !options.all && images.children(image.id).length > 0;
        if (hidden || dangling === false || names !== undefined) return [];
      } else if (dangling === true && tags.length > 0) return [];
      const sharedSize = options.sharedSize ? this.#sharedSize(image) : notComputed;
      return [
        imageSummary(
          image,
          { tags, digests },
          { containers: options.containers === true ? usersOf(image.id).length : notComputed, sharedSize },
        ),
      ];
    });
  }

  /** Errors: `notFound`. */
  async inspect(name: string, request = anyPlatform): Promise<ImageInspect> {
    const { images } = this.#context;
    const image = this.#resolve(name, request);
    const names = { tags: images.tags(image.id), digests: images.digests(image.id) };
    return imageInspect(image, names, images.taggedMs(image.id));
  }

  /** Errors: `notFound`. */
  async history(name: string, request = anyPlatform): Promise<ImageHistoryItem[]> {
    const { images, layers } = this.#context;
    const image = this.#resolve(name, request);
    const ancestry: { id: string; tags: string[] }[] = [];
    for (let each: Image | undefined = image; each !== undefined; each = images.byId(each.parent)) {
      ancestry.push({ id: each.id, tags: images.tags(each.id) });
    }
    return imageHistory(
      image,
      image.chain.map((layer) => layers.layerBytes(layer)),
      ancestry,
    );
  }

  /** Errors: `notFound`. */
  async check(names: readonly string[]): Promise<ImageCheckItem[]> {
    const { images, layers } = this.#context;
    const wanted = names.length === 0 ? images.list() : names.map((name) => images.resolve(name));
    const users = new Map<string, Set<string>>();
    for (const image of wanted) {
      const name = images.tags(image.id)[0] ?? image.id;
      for (const layer of image.chain) users.set(layer, (users.get(layer) ?? new Set()).add(name));
    }
    const items: ImageCheckItem[] = [];
    const breather = new Breather();
    for (const [layer, of] of users) {
      await breather.breathe();
      const found = await layers.checkLayer(layer);
      const Problem = found.result === "damaged" ? found.problem : "";
      items.push({ Layer: `sha256:${layer}`, Images: [...of], Result: found.result, Problem });
    }
    return items;
  }

  /** Errors: `notFound`, `invalid` for a name that is none. */
  async tag(name: string, options: TagOptions): Promise<void> {
    const { images, events } = this.#context;
    const reference = taggedReference(options);
    const image = images.resolve(name);
    images.tag(image.id, normaliseReference(parseReference(reference)));
    events.emit("image", "tag", image.id, { name: familiarName(parseReference(reference)) });
  }

  /** Errors: `notFound`, `conflict`. */
  async remove(
    name: string,
    options: RemoveOptions & { readonly platforms?: readonly string[] },
  ): Promise<ImageDeleteItem[]> {
    // It is for one platform, and goes only if each that is named is that one.
    for (const platform of options.platforms ?? []) this.#resolve(name, { platform });
    return removeImage(this.#context, name, options);
  }

  /** Errors: `invalid` for a filter, `conflict` while another one is under way. */
  async prune(filters: FilterMap): Promise<ImagePruneReport> {
    checkFilters(filters, pruneFilters);
    if (this.#pruning) throw new TiffinError("conflict", "image.pruning", pruneRunning());
    this.#pruning = true;
    try {
      return this.#prune(filters, danglingOf(filters) ?? true);
    } finally {
      this.#pruning = false;
    }
  }

  /** Errors: `archive.*` and those of the documents in it. */
  async load(
    request: { readonly quiet: boolean; readonly platform: string | undefined },
    body: AsyncIterable<Uint8Array>,
    report: Report,
  ): Promise<void> {
    const platform = this.#platform(request.platform);
    await loadArchive(this.#context, body, { quiet: request.quiet, platform }, report);
  }

  /** Errors: `archive.*`, `image.bad-change`, `image.bad-reference`. */
  async import(
    request: ImportRequest,
    body: AsyncIterable<Uint8Array>,
    report: Report,
    signal: AbortSignal,
  ): Promise<void> {
    const options = { ...request, platform: this.#platform(request.platform) };
    await importArchive(this.#context, body, options, report, signal);
  }

  /** `tag` is a tag or a digest; without one the name's own counts, or every tag is meant. Errors: `registry.*`, `notFound`. */
  async pull(request: PullRequest, report: Report, signal: AbortSignal): Promise<void> {
    const { name, tag, platform, auth } = request;
    const named = parseReference(name);
    const reference =
      tag === undefined ? named : parseReference(normaliseReference(withTagOrDigest(named, tag)));
    const options = { reference, platform: this.#platform(platform), auth };
    const isWhole = reference.tag === undefined && reference.digest === undefined;
    await (isWhole ? pullAllTags : pullImage)(this.#context, options, report, signal);
  }

  /** Errors: `registry.*`, `notFound`. */
  async push(request: PushRequest, report: Report, signal: AbortSignal): Promise<void> {
    const { name, tag, auth } = request;
    const named = parseReference(name);
    const reference = tag === undefined ? named : parseReference(normaliseReference({ ...named, tag }));
    const platform = this.#platform(request.platform);
    await pushImages(this.#context, { reference, platform, auth }, report, signal);
  }

  logIn(auth: AuthConfig, signal: AbortSignal): Promise<AuthResponse> {
    return logIn(this.#context.registry, auth, signal);
  }

  search(request: SearchRequest, signal: AbortSignal): Promise<SearchResult[]> {
    return searchImages(this.#context.registry, request, signal);
  }

  inspectDistribution(
    name: string,
    auth: AuthConfig | undefined,
    signal: AbortSignal,
  ): Promise<DistributionInspect> {
    return inspectDistribution(this.#context.registry, name, auth, signal);
  }

  /** Errors: `registry.*`, `notFound`. */
  registryManifests(request: ManifestsRequest, signal: AbortSignal): Promise<RegistryManifests> {
    return registryManifests(this.#context.registry, request, signal);
  }

  /** Errors: `registry.*`, `invalid`. */
  pushManifestList(request: ManifestListRequest, signal: AbortSignal): Promise<ManifestListPushed> {
    return pushManifestList(this.#context.registry, request, signal);
  }

  /** The images as one archive. Errors: `notFound`, `invalid` when none is named. */
  async save(names: readonly string[], request: PlatformRequest): Promise<AsyncIterable<Uint8Array>> {
    if (names.length === 0) throw new TiffinError("invalid", "image.no-name", "no image to save is named");
    const platform = this.#platform(request.platform);
    const saved = new Map<string, SavedImage>();
    for (const { name, image, references } of names.flatMap((one) => this.#meant(one))) {
      requirePlatform(image, name, platform);
      const before = saved.get(image.id)?.references ?? [];
      saved.set(image.id, { image, references: [...new Set([...before, ...references])] });
    }
    for (const { image } of saved.values())
      this.#context.events.emit("image", "save", image.id, { name: image.id });
    return saveArchive(this.#context, [...saved.values()]);
  }

  /** What a name to be saved means: one image, or every tag of a repository that is named without one. */
  #meant(name: string): (SavedImage & { readonly name: string })[] {
    const { images } = this.#context;
    const tagged = repositoryOnly(name).flatMap((repository) => images.tagsOf(repository));
    if (tagged.length > 0) {
      return tagged.map((full) => ({ name, image: images.resolve(full), references: [full] }));
    }
    const image = images.resolve(name);
    const reference = isIdOf(image, name) || name.includes("@") ? undefined : parseReference(name);
    const references = reference?.tag === undefined ? [] : [normaliseReference(reference)];
    return [{ name, image, references }];
  }

  /** Errors: `notFound`, for an image of another platform too. */
  #resolve(name: string, { platform }: PlatformRequest): Image {
    const image = this.#context.images.resolve(name);
    requirePlatform(image, name, this.#platform(platform));
    return image;
  }

  #platform(written: string | undefined): Platform | undefined {
    return wantedPlatform(written, this.#context.host);
  }

  #prune(filters: FilterMap, danglingOnly: boolean): ImagePruneReport {
    const { images, layers } = this.#context;
    const matches = imageTest(filters, nowMs(), (name) => images.resolve(name));
    const chosen = images
      .list()
      .filter((image) => images.children(image.id).length === 0 || images.references(image.id).length > 0)
      .filter((image) => !danglingOnly || images.children(image.id).length === 0)
      .filter(matches);
    const items: ImageDeleteItem[] = [];
    let reclaimed = 0;
    for (const { id, chain } of chosen) {
      const references = images.references(id);
      // A digest alone does not make an image wanted.
      if (danglingOnly && references.some((reference) => !reference.includes("@"))) continue;
      const targets =
        references.length === 0 ? [id] : references.map((one) => familiarName(parseReference(one)));
      // Those that it was made from have no other layers.
      const sizes = new Map(chain.map((layer) => [layer, layers.layerBytes(layer)]));
      for (const target of targets) items.push(...this.#tryToRemove(target));
      for (const [layer, bytes] of sizes) if (!layers.hasLayer(layer)) reclaimed += bytes;
    }
    return { ImagesDeleted: items.length === 0 ? null : items, SpaceReclaimed: reclaimed };
  }

  /** What is in use stays; nobody asked for it by name. */
  #tryToRemove(name: string): ImageDeleteItem[] {
    try {
      return removeImage(this.#context, name, { force: false, keepParents: false });
    } catch (thrown) {
      const kind = thrown instanceof TiffinError ? thrown.kind : "internal";
      if (kind === "conflict" || kind === "notFound") return [];
      throw thrown;
    }
  }

  #sharedSize(image: Image): number {
    const { images, layers } = this.#context;
    return image.chain
      .filter((layer) => images.layerUses(layer) > 1)
      .reduce((sum, layer) => sum + layers.layerBytes(layer), 0);
  }
}

/** The repository that a name without tag and digest is, unless it can only be an id. */
function repositoryOnly(name: string): string[] {
  if (/^(?:sha256:)?[0-9a-f]{64}$/.test(name)) return [];
  const { domain, path, tag, digest } = parseReference(name);
  return tag === undefined && digest === undefined ? [`${domain}/${path}`] : [];
}

function withTagOrDigest({ domain, path }: Reference, tag: string): Reference {
  return tag.includes(":") ? { domain, path, digest: tag } : { domain, path, tag };
}

/** Checks what `tag` is given; a tag within the name counts when there is none beside it. */
/** The full reference that a client means by both. Errors: `image.bad-reference`. */
export function taggedReference({ repository, tag }: TagOptions): string {
  const parsed = parseReference(repository);
  if (parsed.digest !== undefined) {
    throw new TiffinError(
      "invalid",
      "image.bad-reference",
      "refusing to create a tag with a digest reference",
    );
  }
  if (familiarName({ domain: parsed.domain, path: parsed.path, tag: "x" }) === `${digestAlgorithm}:x`) {
    throw new TiffinError(
      "invalid",
      "image.bad-reference",
      "refusing to create an ambiguous tag using digest algorithm as name",
    );
  }
  const named = tag === undefined || tag === "" ? parsed : { ...parsed, tag };
  return normaliseReference(parseReference(normaliseReference(named)));
}

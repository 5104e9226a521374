/**
 * Removal of images: which of its names a request takes away, what stands in the way, and whether the image goes with its last
 * name. The rules and the words are Docker's.
 */
import { cannotDeleteImage, referenceInUse } from "../../docker/messages.ts";
import { familiarName, normaliseReference, parseReference } from "../../docker/reference.ts";
import type { ImageDeleteItem } from "../../docker/types/image.ts";
import { TiffinError } from "../../lib/errors.ts";
import { shortId } from "../../lib/ids.ts";
import type { EventBus } from "../event/mod.ts";
import { chainIds } from "./chain-id.ts";
import type { ImageFailpointHook } from "./failpoints.ts";
import type { Image, ImageStore } from "./image.ts";

/** A container, as far as it keeps its image. */
export interface ImageUser {
  readonly id: string;
  readonly running: boolean;
}

export interface RemovalContext {
  readonly images: ImageStore;
  readonly events: EventBus;
  /** Containers of the image. */
  readonly usersOf: (imageId: string) => readonly ImageUser[];
  readonly fail: ImageFailpointHook;
}

export interface RemoveOptions {
  readonly force: boolean;
  /** Leave the images that it was made from, though nothing else needs them. */
  readonly keepParents: boolean;
}

interface Conflict {
  readonly hard: boolean;
  readonly used: boolean;
  readonly why: string;
}

/** What was done, in its order. Errors: `notFound`, `conflict`. */
export function removeImage(
  context: RemovalContext,
  name: string,
  { force, keepParents }: RemoveOptions,
): ImageDeleteItem[] {
  const { images } = context;
  const image = images.resolve(name);
  const items: ImageDeleteItem[] = [];
  if (isIdOf(image, name)) {
    const references = images.references(image.id);
    if (isSingleName(references)) {
      const conflict = conflictOf(context, image, { soft: !force, named: false });
      if (conflict !== undefined) throw refusal(image, conflict);
      for (const reference of references) untag(context, image, reference, items);
    }
    removeUnnamed(context, image, items, { force, keepParents, quiet: false });
    return items;
  }
  const [user] = context.usersOf(image.id);
  if (!force && user !== undefined && isSingleName(images.references(image.id))) {
    throw conflicts(referenceInUse(name, shortId(user.id), shortImageId(image)));
  }
  const reference = storedReference(name);
  untag(context, image, reference, items);
  dropIdleDigests(context, image, reference, items);
  if (images.references(image.id).length > 0) return items;
  removeUnnamed(context, image, items, { force, keepParents, quiet: true });
  return items;
}

/** Digests of a repository mean nothing to people once its last tag has gone. */
function dropIdleDigests(
  context: RemovalContext,
  image: Image,
  removed: string,
  items: ImageDeleteItem[],
): void {
  const repository = repositoryOf(removed);
  const left = context.images.references(image.id).filter((one) => repositoryOf(one) === repository);
  if (removed.includes("@") || left.some((one) => !one.includes("@"))) return;
  for (const digest of left) untag(context, image, digest, items);
}

interface Removal {
  readonly force: boolean;
  readonly keepParents: boolean;
  /** Something was done already: what stands in the way is told only if it is the client's business. */
  readonly quiet: boolean;
}

function removeUnnamed(
  context: RemovalContext,
  image: Image,
  items: ImageDeleteItem[],
  { force, keepParents, quiet }: Removal,
): void {
  const { images, events } = context;
  const conflict = conflictOf(context, image, { soft: !force, named: true });
  if (conflict !== undefined) {
    if (quiet && (!isDangling(images, image) || conflict.used)) return;
    throw refusal(image, conflict);
  }
  for (const reference of images.references(image.id)) untag(context, image, reference, items);
  context.fail("rmi.untagged");
  const gone = new Set(images.remove(image.id));
  context.fail("rmi.row");
  events.emit("image", "delete", image.id, { name: image.id });
  items.push({ Deleted: image.id });
  const ids = chainIds(image.chain);
  for (const [index, layer] of [...image.chain.entries()].reverse()) {
    if (gone.has(layer)) items.push({ Deleted: `sha256:${ids[index] ?? layer}` });
  }
  const parent = keepParents ? undefined : images.byId(image.parent);
  if (parent !== undefined) {
    removeUnnamed(context, parent, items, { force: false, keepParents, quiet: true });
  }
}

function untag(context: RemovalContext, image: Image, reference: string, items: ImageDeleteItem[]): void {
  context.images.untag(reference);
  const shown = familiarName(parseReference(reference));
  context.events.emit("image", "untag", image.id, { name: shown });
  items.push({ Untagged: shown });
}

/** What stands in the way of removing the image; `named`: its names do, if they would be more than one. */
function conflictOf(
  { images, usersOf }: RemovalContext,
  image: Image,
  { soft, named }: { readonly soft: boolean; readonly named: boolean },
): Conflict | undefined {
  if (images.children(image.id).length > 0) {
    return { hard: true, used: false, why: "image has dependent child images" };
  }
  const users = usersOf(image.id);
  const running = users.find((user) => user.running);
  if (running !== undefined) {
    const why = `image is being used by running container ${shortId(running.id)}`;
    return { hard: true, used: true, why };
  }
  if (!soft) return undefined;
  if (named && images.references(image.id).length > 0) {
    return { hard: false, used: false, why: "image is referenced in multiple repositories" };
  }
  const [stopped] = users;
  if (stopped === undefined) return undefined;
  return {
    hard: false,
    used: true,
    why: `image is being used by stopped container ${shortId(stopped.id)}`,
  };
}

function refusal(image: Image, { hard, why }: Conflict): TiffinError {
  return conflicts(cannotDeleteImage(shortImageId(image), hard, why));
}

function conflicts(message: string): TiffinError {
  return new TiffinError("conflict", "image.in-use", message);
}

function isDangling(images: ImageStore, image: Image): boolean {
  return images.references(image.id).length === 0 && images.children(image.id).length === 0;
}

/** One tag at most, and all digests in its repository. */
function isSingleName(references: readonly string[]): boolean {
  const tags = references.filter((reference) => !reference.includes("@"));
  const repositories = new Set(references.map(repositoryOf));
  return tags.length <= 1 && repositories.size <= 1;
}

function repositoryOf(reference: string): string {
  const at = reference.indexOf("@");
  if (at >= 0) return reference.slice(0, at);
  return reference.slice(0, reference.lastIndexOf(":"));
}

/** The full reference that a client's name means: a digest more than a tag beside it. */
function storedReference(name: string): string {
  const { tag, ...rest } = parseReference(name);
  return normaliseReference(rest.digest === undefined && tag !== undefined ? { ...rest, tag } : rest);
}

export function isIdOf(image: Image, name: string): boolean {
  return image.id.startsWith(name) || image.id.startsWith(`sha256:${name}`);
}

function shortImageId(image: Image): string {
  return shortId(image.id.slice("sha256:".length));
}

/** An image of the engine, by name or id. */
import type { ImageDeleteItem, ImageHistoryItem, ImageInspect } from "../docker/types/image.ts";
import type { Cancellable, EngineContext } from "./context.ts";
import { Progress } from "./progress.ts";
import type { RegistryOptions } from "./registry-options.ts";

export interface RemoveImageOptions extends Cancellable {
  /** Although containers that do not run are made of it, or several names lead to it. */
  readonly force?: boolean;
  /** Images below it that have no name stay. */
  readonly keepParents?: boolean;
}

export class Image {
  /** The name or id that it was asked for by. */
  readonly name: string;
  readonly #context: EngineContext;

  /** @internal */
  constructor(context: EngineContext, name: string) {
    this.#context = context;
    this.name = name;
  }

  get #params() {
    return { params: { name: this.name } } as const;
  }

  async inspect(options: Cancellable & { readonly platform?: string } = {}): Promise<ImageInspect> {
    const { platform, signal } = options;
    const query = { ...(platform !== undefined && { platform }) };
    return await this.#context.api.document("imageInspect", { ...this.#params, query, signal });
  }

  async history({ signal }: Cancellable = {}): Promise<readonly ImageHistoryItem[]> {
    return await this.#context.api.document("imageHistory", { ...this.#params, signal });
  }

  /** Gives it the further name `name[:tag]`. */
  async tag(name: string, { signal }: Cancellable = {}): Promise<Image> {
    const { repository, tag } = splitTag(name);
    const query = { repo: repository, ...(tag !== undefined && { tag }) };
    await this.#context.api.perform("imageTag", { ...this.#params, query, signal });
    return new Image(this.#context, name);
  }

  async remove(options: RemoveImageOptions = {}): Promise<readonly ImageDeleteItem[]> {
    const { force, keepParents, signal } = options;
    const query = {
      ...(force !== undefined && { force }),
      ...(keepParents !== undefined && { noprune: keepParents }),
    };
    return await this.#context.api.document("imageRemove", { ...this.#params, query, signal });
  }

  /** To the registry that its name says. */
  push({ auth, platform, signal }: RegistryOptions = {}): Progress<void> {
    const { repository, tag } = splitTag(this.name);
    const lines = () =>
      this.#context.api.lines("imagePush", {
        params: { name: repository },
        query: { ...(tag !== undefined && { tag }), ...(platform !== undefined && { platform }) },
        // Docker's engines want the field even where it says nothing.
        headers: { "x-registry-auth": auth ?? {} },
        signal,
      });
    return new Progress<void>(lines, () => undefined);
  }

  /** As an archive that `images.load` takes. */
  async *save({ signal }: Cancellable = {}): AsyncGenerator<Uint8Array, void, undefined> {
    yield* (await this.#context.api.stream("imageSave", { ...this.#params, signal })).chunks;
  }
}

/** A colon after the last slash is before a tag; before it, before a port. */
export function splitTag(name: string): { readonly repository: string; readonly tag: string | undefined } {
  const colon = name.lastIndexOf(":");
  if (colon <= name.lastIndexOf("/") || name.includes("@")) return { repository: name, tag: undefined };
  return { repository: name.slice(0, colon), tag: name.slice(colon + 1) };
}

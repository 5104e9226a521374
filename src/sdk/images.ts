/** The images of an engine. */
import { anything, object, optional, text } from "../docker/decode.ts";
import type { ImageCheckItem, ImagePruneReport, ImageSummary } from "../docker/types/image.ts";
import type { ProgressMessage } from "../docker/types/progress.ts";
import type { AuthConfig, DistributionInspect, SearchResult } from "../docker/types/registry.ts";
import { TiffinError } from "../lib/errors.ts";
import type { Cancellable, EngineContext, Filters } from "./context.ts";
import { type BuildContext, contextBytes } from "./files.ts";
import { Image } from "./image.ts";
import { Progress } from "./progress.ts";
import { pullImage } from "./pull.ts";
import type { RegistryOptions } from "./registry-options.ts";

export interface ListImagesOptions extends Cancellable {
  /** Those without a name that others are made of, too. */
  readonly all?: boolean;
  readonly filters?: Filters;
}

export interface BuildOptions {
  /** Names of the image: `soup:latest`. */
  readonly tags?: readonly string[];
  /** Path in the context; `Dockerfile` without it. */
  readonly dockerfile?: string;
  readonly args?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** The stage that is wanted; the last without it. */
  readonly target?: string;
  /** Every step is made anew. */
  readonly noCache?: boolean;
  /** Asks registries for newer base images. */
  readonly pull?: boolean;
  readonly network?: string;
  readonly platform?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface ImportOptions {
  /** `name[:tag]` */
  readonly image?: string;
  readonly message?: string;
  /** Lines of a Dockerfile. */
  readonly changes?: readonly string[];
  readonly platform?: string;
  readonly signal?: AbortSignal | undefined;
}

const builtId = object({ ID: optional(text), Digest: optional(anything) });

export class Images {
  readonly #context: EngineContext;

  /** @internal */
  constructor(context: EngineContext) {
    this.#context = context;
  }

  /** By name or id; nothing is asked. */
  get(name: string): Image {
    return new Image(this.#context, name);
  }

  async list({ all, filters, signal }: ListImagesOptions = {}): Promise<readonly ImageSummary[]> {
    const query = { ...(all !== undefined && { all }), ...(filters !== undefined && { filters }) };
    return await this.#context.api.document("imageList", { query, signal });
  }

  /** From its registry. */
  pull(image: string, options: RegistryOptions = {}): Progress<Image> {
    return pullImage(this.#context, image, options);
  }

  /** By a Dockerfile, with a directory, files or an archive as its context. */
  build(context: BuildContext, options: BuildOptions = {}): Progress<Image> {
    const {
      tags,
      dockerfile = "Dockerfile",
      args,
      labels,
      target,
      noCache,
      pull,
      network,
      platform,
      signal,
    } = options;
    const lines = () =>
      this.#context.api.lines("build", {
        query: {
          dockerfile,
          ...(tags !== undefined && { t: tags }),
          ...(args !== undefined && { buildargs: args }),
          ...(labels !== undefined && { labels }),
          ...(target !== undefined && { target }),
          ...(noCache !== undefined && { nocache: noCache }),
          ...(pull !== undefined && { pull }),
          ...(network !== undefined && { networkmode: network }),
          ...(platform !== undefined && { platform }),
        },
        body: contextBytes(context, dockerfile),
        signal,
      });
    return new Progress(lines, (messages) => new Image(this.#context, builtImage(messages)), isResult);
  }

  /** Images out of an archive; gives their names. */
  load(archive: AsyncIterable<Uint8Array>, { signal }: Cancellable = {}): Progress<readonly Image[]> {
    const lines = () =>
      this.#context.api.lines("imageLoad", { query: { quiet: true }, body: archive, signal });
    const names = (messages: readonly ProgressMessage[]): string[] =>
      messages.flatMap(({ stream = "" }) => /^Loaded image(?: ID)?: (\S+)/.exec(stream)?.[1] ?? []);
    return new Progress(
      lines,
      (messages) => names(messages).map((name) => new Image(this.#context, name)),
      ({ stream }) => stream !== undefined,
    );
  }

  /** A file system in a tar archive becomes an image of one layer. */
  import(archive: AsyncIterable<Uint8Array>, options: ImportOptions = {}): Progress<Image> {
    const { image, message, changes, platform, signal } = options;
    const lines = () =>
      this.#context.api.lines("imageCreate", {
        query: {
          fromSrc: "-",
          ...(image !== undefined && { repo: image }),
          ...(message !== undefined && { message }),
          ...(changes !== undefined && { changes }),
          ...(platform !== undefined && { platform }),
        },
        body: archive,
        signal,
      });
    return new Progress(
      lines,
      (messages) => new Image(this.#context, messages.at(-1)?.status ?? image ?? ""),
      ({ status }) => status !== undefined,
    );
  }

  /** Several in one archive. */
  async *save(
    names: readonly string[],
    { signal }: Cancellable = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    yield* (await this.#context.api.stream("imageSaveAll", { query: { names }, signal })).chunks;
  }

  /** Removes those without a name, or what the filters say. */
  async prune({
    filters,
    signal,
  }: Cancellable & { readonly filters?: Filters } = {}): Promise<ImagePruneReport> {
    return await this.#context.api.document("imagePrune", {
      query: { ...(filters !== undefined && { filters }) },
      signal,
    });
  }

  /** Compares the layers of images with what they were when they came. */
  async check(
    names: readonly string[] = [],
    { signal }: Cancellable = {},
  ): Promise<readonly ImageCheckItem[]> {
    return await this.#context.api.document("imageCheck", { query: { names }, signal });
  }

  async search(
    term: string,
    options: Cancellable & { readonly limit?: number } = {},
  ): Promise<readonly SearchResult[]> {
    const { limit, signal } = options;
    const query = { term, ...(limit !== undefined && { limit }) };
    return await this.#context.api.document("imageSearch", { query, signal });
  }

  /** What a registry has under a name, without pulling it. */
  async distribution(
    name: string,
    { auth, signal }: Cancellable & { readonly auth?: AuthConfig } = {},
  ): Promise<DistributionInspect> {
    const headers = { ...(auth !== undefined && { "x-registry-auth": auth }) };
    return await this.#context.api.document("distributionInspect", { params: { name }, headers, signal });
  }
}

function isResult({ aux, stream }: ProgressMessage): boolean {
  return aux !== undefined || stream?.startsWith("Successfully built ") === true;
}

/** The id that the engine tells at the end. */
function builtImage(messages: readonly ProgressMessage[]): string {
  for (const { aux, stream = "" } of [...messages].reverse()) {
    if (typeof aux === "object" && aux !== null && "ID" in aux) {
      const { ID: id } = builtId(aux, "aux");
      if (id !== undefined) return id;
    }
    const short = /^Successfully built (\S+)/.exec(stream)?.[1];
    if (short !== undefined) return short;
  }
  throw new TiffinError(
    "internal",
    "client.malformed-response",
    "the engine did not say which image it has built",
  );
}

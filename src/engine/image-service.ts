/** Images as clients ask for them; the images themselves are in `image/`. */
import { invalidFilter } from "../docker/messages.ts";
import type { ImageInspect, ImageSummary } from "../docker/types/image.ts";
import { TiffinError } from "../lib/errors.ts";
import { booleanOf, type ContainerRegistry } from "./container/mod.ts";
import { type Image, type ImageStore, imageInspect, imageSummary } from "./image/mod.ts";

export interface ImageListOptions {
  readonly filters: Readonly<Record<string, readonly string[]>>;
}

type Test = (image: Image, tags: readonly string[]) => boolean;

const filters: Readonly<Record<string, (values: readonly string[]) => Test>> = {
  reference: (values) => (_image, tags) =>
    tags.some((tag) => values.some((value) => new Bun.Glob(value).match(tag) || tag.split(":")[0] === value)),
  dangling: (values) => {
    const wanted = booleanOf("dangling", values);
    return (_image, tags) => values.length === 0 || wanted === (tags.length === 0);
  },
  label: (values) => (image) =>
    values.every((value) => {
      const sign = value.indexOf("=");
      const key = sign < 0 ? value : value.slice(0, sign);
      const wanted = sign < 0 ? undefined : value.slice(sign + 1);
      const labels = image.config.Labels ?? {};
      const found = Object.hasOwn(labels, key) ? labels[key] : undefined;
      return found !== undefined && (wanted === undefined || found === wanted);
    }),
};

export class ImageService {
  readonly #images: ImageStore;
  readonly #registry: ContainerRegistry;

  constructor(images: ImageStore, registry: ContainerRegistry) {
    this.#images = images;
    this.#registry = registry;
  }

  /** Errors: `invalid` for a filter that is not known. */
  async list(options: ImageListOptions): Promise<ImageSummary[]> {
    const tests = Object.entries(options.filters).map(([key, values]) => {
      const make = Object.hasOwn(filters, key) ? filters[key] : undefined;
      if (make === undefined) throw new TiffinError("invalid", "image.filter", invalidFilter(key));
      return make(values);
    });
    const uses = new Map<string, number>();
    for (const { document } of this.#registry.all()) {
      uses.set(document.image.id, (uses.get(document.image.id) ?? 0) + 1);
    }
    return this.#images.list().flatMap((image) => {
      const tags = this.#images.tags(image.id);
      if (!tests.every((test) => test(image, tags))) return [];
      return [{ ...imageSummary(image, tags), Containers: uses.get(image.id) ?? 0 }];
    });
  }

  /** Errors: `notFound`. */
  async inspect(name: string): Promise<ImageInspect> {
    const image = this.#images.resolve(name);
    return imageInspect(image, this.#images.tags(image.id));
  }
}

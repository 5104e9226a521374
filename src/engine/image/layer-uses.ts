/**
 * Who needs which layer. Images are counted here; containers are asked for when it matters; holds are work under way (a load, a
 * pull), which keeps its layers until it has made an image of them or given up.
 *
 * A layer that no image needs is in the table `loose_layer` before it could be left behind: a crash at any moment leaves
 * either the image and its layers, or rows by which the next start takes the layers away.
 */
import type { Database } from "bun:sqlite";
import type { LayerStore } from "../layer/mod.ts";
import { isNoRoom, tellingOfNoRoom } from "../store/mod.ts";
import type { ImageFailpointHook } from "./failpoints.ts";
import type { LayerHold } from "./image.ts";

export interface LayerUsesOptions {
  readonly database: Database;
  readonly layers: LayerStore;
  /** The layers of every container. */
  readonly containerChains: () => Iterable<readonly string[]>;
  readonly fail: ImageFailpointHook;
}

export class LayerUses {
  readonly #options: LayerUsesOptions;
  readonly #images = new Map<string, number>();
  readonly #held = new Map<string, number>();

  constructor(options: LayerUsesOptions) {
    this.#options = options;
  }

  ofImages(layer: string): number {
    return this.#images.get(layer) ?? 0;
  }

  all(): Set<string> {
    return new Set(this.#images.keys());
  }

  held(): Iterable<string> {
    return this.#held.keys();
  }

  addImage(chain: readonly string[]): void {
    for (const layer of new Set(chain)) increase(this.#images, layer);
  }

  dropImage(chain: readonly string[]): void {
    for (const layer of new Set(chain)) decrease(this.#images, layer);
  }

  /** The layers of `chain` that only this image needs; to be called in the transaction that takes its row away. */
  loosen(chain: readonly string[]): void {
    const alone = [...new Set(chain)].filter((layer) => this.ofImages(layer) === 1);
    for (const layer of alone) this.#note(layer);
  }

  /** To be called in the transaction that adds the image. */
  fasten(chain: readonly string[]): void {
    for (const layer of new Set(chain)) this.#forget(layer);
  }

  hold(): LayerHold {
    const kept: string[] = [];
    return {
      keep: (layer) => {
        if (kept.includes(layer)) return;
        if (this.ofImages(layer) === 0) {
          this.#note(layer);
          this.#options.fail("layer.announced");
        }
        kept.push(layer);
        increase(this.#held, layer);
      },
      [Symbol.dispose]: () => {
        for (const layer of kept) decrease(this.#held, layer);
        this.collect(kept);
      },
    };
  }

  /** Takes away those of the layers that nobody needs, and says which. */
  collect(layers: readonly string[]): string[] {
    const unneeded = [...new Set(layers)].filter(
      (layer) => this.ofImages(layer) === 0 && !this.#held.has(layer),
    );
    if (unneeded.length === 0) return [];
    const inContainers = new Set<string>();
    for (const chain of this.#options.containerChains()) for (const layer of chain) inContainers.add(layer);
    const gone = unneeded.filter((layer) => !inContainers.has(layer));
    for (const layer of gone) {
      this.#options.layers.removeLayer(layer);
      this.#options.fail("layer.removed");
      try {
        this.#forget(layer);
      } catch (thrown) {
        // A row too many costs the next start a look; a removal must not fail for want of room.
        if (!isNoRoom(thrown)) throw thrown;
      }
    }
    return gone;
  }

  /** What a crash has left behind, if nobody needs it. */
  loose(): string[] {
    const rows = this.#options.database.query<{ id: string }, []>("SELECT id FROM loose_layer").all();
    return rows.map(({ id }) => id);
  }

  #note(layer: string): void {
    const { database } = this.#options;
    try {
      database.run("INSERT OR IGNORE INTO loose_layer VALUES (?)", [layer]);
    } catch (thrown) {
      throw tellingOfNoRoom(`layer ${layer}`, database.filename, thrown);
    }
  }

  #forget(layer: string): void {
    this.#options.database.run("DELETE FROM loose_layer WHERE id = ?", [layer]);
  }
}

function increase(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function decrease(counts: Map<string, number>, key: string): void {
  const count = counts.get(key) ?? 0;
  if (count > 1) counts.set(key, count - 1);
  else counts.delete(key);
}

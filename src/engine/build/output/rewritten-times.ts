/** Images none of whose own files is younger than the client says, so that a step's clock is no part of what it comes to. */
import { ingestLayer } from "../../image/mod.ts";
import { retimed } from "../../tree/mod.ts";
import type { StepContext } from "../solve/mod.ts";
import type { BuiltTree, Delivery } from "./built-tree.ts";

const encoder = new TextEncoder();

export class ImagesWithOldFiles {
  readonly #step: StepContext;
  readonly #delivery: Delivery;
  readonly #layers = new Map<string, string>();
  #made: Promise<BuiltTree[]> | undefined;

  constructor(step: StepContext, delivery: Delivery) {
    this.#step = step;
    this.#delivery = delivery;
  }

  /** Made once. `checkOutputs` has seen that there is a time. */
  all(): Promise<readonly BuiltTree[]> {
    this.#made ??= this.#make();
    return this.#made;
  }

  async #make(): Promise<BuiltTree[]> {
    const { epochMs, built } = this.#delivery;
    if (epochMs === undefined) throw new Error("times are rewritten to none");
    const latestNs = BigInt(epochMs) * 1_000_000n;
    const made: BuiltTree[] = [];
    for (const tree of built) {
      const chain: string[] = [];
      for (const [index, layer] of tree.chain.entries()) {
        chain.push(index < tree.baseLayers ? layer : await this.#rewritten(layer, latestNs));
      }
      const document: object = JSON.parse(new TextDecoder().decode(tree.configuration));
      const rootfs = { type: "layers", diff_ids: chain.map((id) => `sha256:${id}`) };
      const configuration = encoder.encode(JSON.stringify({ ...document, rootfs }));
      made.push({ ...tree, chain, configuration });
    }
    return made;
  }

  async #rewritten(layer: string, latestNs: bigint): Promise<string> {
    const known = this.#layers.get(layer);
    if (known !== undefined) return known;
    const { services, hold } = this.#step;
    const source = services.layers.openTar(layer).read();
    const tar = retimed(source, (ns) => (ns > latestNs ? latestNs : ns));
    const { id } = await ingestLayer(services.layers, hold, tar);
    this.#layers.set(layer, id);
    return id;
  }
}

/** A sink that keeps layers in memory, for tests of what comes out of a pull. */
import type { LayerSink, PulledImage, PulledLayer } from "../contract.ts";

export class MemorySink implements LayerSink {
  readonly layers = new Map<string, Uint8Array>();
  readonly images: PulledImage[] = [];
  /** Layers that were begun, whole or not. */
  readonly begun: string[] = [];

  hasLayer(diffId: string): boolean {
    return this.layers.has(diffId);
  }

  async takeLayer({ diffId }: PulledLayer, tar: AsyncIterable<Uint8Array>): Promise<void> {
    this.begun.push(diffId);
    const pieces: Uint8Array[] = [];
    for await (const piece of tar) pieces.push(new Uint8Array(piece));
    this.layers.set(diffId, Buffer.concat(pieces));
  }

  takeImage(image: PulledImage): void {
    this.images.push(image);
  }
}

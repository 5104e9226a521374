/** The members of a tar archive one after the other, each with its content as a stream. Nothing is kept but one piece. */
import type { TarEntry } from "./entry.ts";
import { TarReader, type TarSink } from "./read.ts";

export interface TarMember {
  readonly entry: TarEntry;
  /** To be read before the next member, or not at all. A piece is valid until the next one is asked for. */
  readonly content: AsyncIterable<Uint8Array>;
}

type Event =
  | { readonly kind: "entry"; readonly entry: TarEntry }
  | { readonly kind: "piece"; readonly piece: Uint8Array }
  | { readonly kind: "hole"; readonly bytes: number }
  | { readonly kind: "end" };

class Events implements TarSink {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #reader = new TarReader(this);
  #ready: Event[] = [];
  #at = 0;

  constructor(source: AsyncIterator<Uint8Array>) {
    this.#source = source;
  }

  entry(entry: TarEntry): void {
    this.#ready.push({ kind: "entry", entry });
  }

  content(piece: Uint8Array): void {
    this.#ready.push({ kind: "piece", piece });
  }

  hole(bytes: number): void {
    this.#ready.push({ kind: "hole", bytes });
  }

  endOfEntry(): void {
    this.#ready.push({ kind: "end" });
  }

  /** Undefined at the end of the archive. */
  async next(): Promise<Event | undefined> {
    while (this.#at >= this.#ready.length) {
      this.#ready = [];
      this.#at = 0;
      const { done, value } = await this.#source.next();
      if (done === true) {
        this.#reader.end();
        return undefined;
      }
      this.#reader.push(value);
    }
    const event = this.#ready[this.#at];
    this.#at += 1;
    return event;
  }
}

/** Throws `archive.malformed` and what `source` throws. What follows the end mark is read and passed over. */
export async function* tarMembers(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarMember> {
  const iterator = source[Symbol.asyncIterator]();
  const events = new Events(iterator);
  try {
    for (let event = await events.next(); event !== undefined; event = await events.next()) {
      if (event.kind !== "entry") continue;
      yield { entry: event.entry, content: contentOf(events) };
    }
  } finally {
    await iterator.return?.();
  }
}

async function* contentOf(events: Events): AsyncGenerator<Uint8Array> {
  for (let event = await events.next(); event !== undefined; event = await events.next()) {
    if (event.kind === "end") return;
    if (event.kind === "piece") yield event.piece;
    if (event.kind === "hole") yield* zerosOf(event.bytes);
  }
}

const zeros = new Uint8Array(64 * 1024);

function* zerosOf(bytes: number): Generator<Uint8Array> {
  for (let left = bytes; left > 0; left -= zeros.length) {
    yield left < zeros.length ? zeros.subarray(0, left) : zeros;
  }
}

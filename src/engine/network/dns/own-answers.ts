/**
 * Answers about containers that were given already, by the bytes of their questions: most questions are asked again and
 * again, and as long as no container has changed the answer is the same. Only what does not take turns is kept.
 */
const mostEntries = 4096;
const idBytes = 2;
const longestQuery = 512;

export class OwnAnswers {
  readonly #answers = new Map<string, Uint8Array>();
  #generation = -1;

  /** The answer under the id of this query. `generation`: another number means that containers have changed. */
  get(from: string, query: Uint8Array, generation: number): Uint8Array | undefined {
    if (generation !== this.#generation) {
      this.#answers.clear();
      this.#generation = generation;
      return undefined;
    }
    const known = this.#answers.get(keyOf(from, query));
    if (known === undefined) return undefined;
    const answer = known.slice();
    answer[0] = query[0] ?? 0;
    answer[1] = query[1] ?? 0;
    return answer;
  }

  put(from: string, query: Uint8Array, answer: Uint8Array): void {
    if (query.length > longestQuery) return;
    if (this.#answers.size >= mostEntries) this.#answers.clear();
    this.#answers.set(keyOf(from, query), answer);
  }
}

function keyOf(from: string, query: Uint8Array): string {
  const question = Buffer.from(query.buffer, query.byteOffset + idBytes, Math.max(0, query.length - idBytes));
  return `${from} ${question.toString("latin1")}`;
}

/**
 * What other name servers said, for as long as they said that it holds: at most a while, and nothing that a client could
 * not have got from them itself. A name that is not there is remembered as long as its zone says. RFC 2181, 2308
 */
import {
  type AnswerTimes,
  answerTimes,
  headerBytes,
  type Question,
  replyCodeOf,
  replyCodes,
} from "./message.ts";

const mostEntries = 2048;
/** Longer than this nothing is believed. */
const mostSeconds = 300;
const mostBytes = 4096;
/** An OPT record without options; what has options is between one client and one server. */
const plainOptBytes = 11;

interface Entry {
  readonly answer: Uint8Array;
  readonly times: AnswerTimes;
  readonly storedMs: number;
  readonly endsMs: number;
}

export class AnswerCache {
  readonly #entries = new Map<string, Entry>();

  get(
    query: Uint8Array,
    question: Question,
    servers: readonly string[],
    nowMs: number,
  ): Uint8Array | undefined {
    const key = keyOf(query, question, servers);
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (nowMs >= entry.endsMs) {
      this.#entries.delete(key);
      return undefined;
    }
    const answer = entry.answer.slice();
    const view = new DataView(answer.buffer);
    // The id and the letters of this question; what is left of the time.
    answer.set(query.subarray(0, 2));
    answer.set(query.subarray(headerBytes, question.end), headerBytes);
    const passed = Math.floor((nowMs - entry.storedMs) / 1000);
    for (const { at, seconds } of entry.times.fields) view.setUint32(at, Math.max(0, seconds - passed));
    return answer;
  }

  put(
    query: Uint8Array,
    question: Question,
    servers: readonly string[],
    answer: Uint8Array,
    nowMs: number,
  ): void {
    const code = replyCodeOf(answer);
    if (code !== replyCodes.none && code !== replyCodes.noName) return;
    if (answer.length > mostBytes || query.length > question.end + plainOptBytes) return;
    const times = answerTimes(answer, question);
    const seconds = Math.min(times?.seconds ?? 0, mostSeconds);
    if (times === undefined || seconds <= 0) return;
    if (this.#entries.size >= mostEntries) {
      const oldest = this.#entries.keys().next();
      if (oldest.done !== true) this.#entries.delete(oldest.value);
    }
    const key = keyOf(query, question, servers);
    this.#entries.delete(key);
    this.#entries.set(key, {
      answer: answer.slice(),
      times,
      storedMs: nowMs,
      endsMs: nowMs + seconds * 1000,
    });
  }
}

/** All that an answer may depend on: who is asked, what for, and with what flags and size. */
function keyOf(
  query: Uint8Array,
  { name, type, isInternet, end }: Question,
  servers: readonly string[],
): string {
  const rest = Buffer.from(query.buffer, query.byteOffset + end, query.length - end).toString("latin1");
  const flags = `${query[2] ?? 0}.${query[3] ?? 0}`;
  return `${servers.join(" ")} ${type} ${isInternet} ${flags} ${rest} ${name}`;
}

import { expect, test } from "bun:test";
import { AnswerCache } from "./answer-cache.ts";
import { parseQuery, type Question } from "./message.ts";

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));

/** far.example, type A; `case` of the first letter; with an OPT record that has these bytes of options. */
function query(id: string, first = "66", options = ""): Uint8Array {
  const length = (options.length / 2).toString(16).padStart(4, "0");
  return hex(
    `${id} 0100 0001 0000 0000 0001 03${first}6172 076578616d706c65 00 0001 0001 00 0029 1000 00000000 ${length}${options}`,
  );
}

function questionOf(bytes: Uint8Array): Question {
  const parsed = parseQuery(bytes);
  if (parsed.kind !== "question") throw new Error("no question");
  return parsed.question;
}

const question = "03666172 076578616d706c65 00 0001 0001";
const servers = ["192.0.2.53"];
/** 192.0.2.7 for 60 s and for 90 s. */
const answer = hex(
  `aaaa 8180 0001 0002 0000 0000 ${question} c00c 0001 0001 0000003c 0004 c0000207 c00c 0001 0001 0000005a 0004 c0000208`,
);

test("an answer holds as long as its shortest time, for the next question's id and letters, and its times run on", () => {
  const cache = new AnswerCache();
  const asked = query("0001");
  cache.put(asked, questionOf(asked), servers, answer, 1000);
  const other = query("0002", "46");
  const found = cache.get(other, questionOf(other), servers, 11_000);
  const text = Buffer.from(found ?? []).toString("hex");
  expect(text.slice(0, 4)).toBe("0002");
  expect(text.slice(24, 32)).toBe("03466172");
  expect([text.includes("0000003200"), text.includes("0000005000")]).toEqual([true, true]);
  expect(cache.get(other, questionOf(other), ["192.0.2.54"], 11_000)).toBeUndefined();
  expect(cache.get(other, questionOf(other), servers, 61_000)).toBeUndefined();
});

test("a name that is not there is remembered as long as its zone says, what is cut, refused or personal not at all", () => {
  const cache = new AnswerCache();
  const asked = query("0001");
  const known = (bytes: Uint8Array, answered: Uint8Array): boolean => {
    cache.put(bytes, questionOf(bytes), servers, answered, 0);
    return cache.get(bytes, questionOf(bytes), servers, 4000) !== undefined;
  };
  const soa = (seconds: string) =>
    `c00c 0006 0001 00000e10 0016 00 00 00000001 00000002 00000003 00000004 ${seconds}`;
  const none = (seconds: string) => hex(`aaaa 8183 0001 0000 0001 0000 ${question} ${soa(seconds)}`);
  expect([known(asked, none("00000003")), known(asked, none("00000005"))]).toEqual([false, true]);
  const fresh = (): AnswerCache => new AnswerCache();
  for (const [bytes, answered] of [
    [asked, hex(`aaaa 8183 0001 0000 0000 0000 ${question}`)],
    [asked, Uint8Array.from(answer, (byte, index) => (index === 2 ? byte | 2 : byte))],
    [asked, Uint8Array.from(answer, (byte, index) => (index === 3 ? 0x82 : byte))],
    [asked, answer.subarray(0, -1)],
    [query("0001", "66", "000a0000"), answer],
  ] as const) {
    const own = fresh();
    own.put(bytes, questionOf(bytes), servers, answered, 0);
    expect(own.get(bytes, questionOf(bytes), servers, 0)).toBeUndefined();
  }
});

test("it holds only so much, and forgets what came first", () => {
  const cache = new AnswerCache();
  const asked = query("0001");
  for (let index = 0; index < 3000; index += 1) cache.put(asked, questionOf(asked), [`s${index}`], answer, 0);
  const held = Array.from({ length: 3000 }, (_, index) =>
    cache.get(asked, questionOf(asked), [`s${index}`], 0),
  );
  expect(held.filter((each) => each !== undefined).length).toBe(2048);
  expect(held[0]).toBeUndefined();
});

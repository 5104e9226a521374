import { expect, test } from "bun:test";
import { type Asker, decideAnswer } from "./answer.ts";
import {
  answerTimes,
  isAnswerTo,
  messageId,
  type Parsed,
  parseQuery,
  type Question,
  reply,
  withId,
} from "./message.ts";

function query(name: string, type = 1, more: readonly number[] = []): Uint8Array {
  const labels = name === "" ? [] : name.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
  const additional = more.length === 0 ? 0 : 1;
  return Uint8Array.from([
    0x12,
    0x34,
    1,
    0,
    0,
    1,
    0,
    0,
    0,
    0,
    0,
    additional,
    ...labels,
    0,
    type >> 8,
    type & 255,
    0,
    1,
    ...more,
  ]);
}

function questionOf(bytes: Uint8Array): Question {
  const parsed = parseQuery(bytes);
  if (parsed.kind !== "question") throw new Error(`no question: ${JSON.stringify(parsed)}`);
  return parsed.question;
}

const asker: Asker = {
  addressesOf: (name) => ({ web: ["10.0.0.2", "10.0.0.3"], "web.lunch": ["10.0.0.2"] })[name],
  nameOf: (address) => (address === "10.0.0.2" ? "web.lunch" : undefined),
  isClosed: false,
  servers: ["192.0.2.1"],
};

const decided = (name: string, type = 1, change: Partial<Asker> = {}, turn = 0) =>
  decideAnswer(questionOf(query(name, type)), { ...asker, ...change }, turn);

test("a container's name has its addresses, each the first in its turn; nothing of another kind; whatever its case", () => {
  const addresses = (turn: number): string[] => {
    const decision = decided("WEB", 1, {}, turn);
    if (decision.kind !== "answer") throw new Error("no answer");
    return decision.records.map((record) => ("address" in record ? record.address.join(".") : record.name));
  };
  expect([addresses(0), addresses(1)]).toEqual([
    ["10.0.0.2", "10.0.0.3"],
    ["10.0.0.3", "10.0.0.2"],
  ]);
  expect(decided("web", 28)).toEqual({ kind: "answer", code: "none", records: [] });
  expect(decided("2.0.0.10.in-addr.arpa", 12)).toEqual({
    kind: "answer",
    code: "none",
    records: [{ type: "ptr", name: "web.lunch" }],
  });
});

test("other names go to other servers, but nothing goes out of a closed network", () => {
  expect(decided("example.org")).toEqual({ kind: "forward", servers: ["192.0.2.1"] });
  expect(decided("9.0.0.10.in-addr.arpa", 12)).toEqual({ kind: "forward", servers: ["192.0.2.1"] });
  const closed = { isClosed: true };
  expect(decided("nobody", 1, closed)).toEqual({ kind: "answer", code: "noName", records: [] });
  expect(decided("example.org", 1, closed)).toEqual({ kind: "answer", code: "failure", records: [] });
  expect(decided("nobody", 1, { servers: [] })).toMatchObject({ code: "noName" });
});

test("a reply has the question, the records and the code; what does not fit is left out, and it says so", () => {
  const asked = query("web");
  const address = Uint8Array.of(10, 0, 0, 2);
  const whole = reply(asked, questionOf(asked), "none", [{ type: "a", address }]);
  expect(Buffer.from(whole).toString("hex")).toBe(
    `1234818000010001000000000377656200${"00010001"}c00c00010001000002580004${"0a000002"}`,
  );
  const many = Array.from({ length: 100 }, () => ({ type: "a", address }) as const);
  const cut = reply(asked, questionOf(asked), "none", many, questionOf(asked).udpBytes);
  expect([cut.length <= 512, (cut[2] ?? 0) & 2]).toEqual([true, 2]);
  // A resolver that takes more says so.
  const wide = query("web", 1, [0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0]);
  expect(questionOf(wide).udpBytes).toBe(4096);
  const more = reply(wide, questionOf(wide), "none", many, questionOf(wide).udpBytes);
  expect([more.length, (more[2] ?? 0) & 2]).toEqual([21 + 1600 + 11, 0]);
  // It is told what we take, and of a version that we do not know so.
  expect(Buffer.from(more.subarray(-11)).toString("hex")).toBe("0000291000000000000000");
  const newer = query("web", 1, [0, 0, 41, 16, 0, 0, 1, 0, 0, 0, 0]);
  expect(questionOf(newer).extension).toBe(1);
  expect(reply(newer, questionOf(newer), "none").at(-6)).toBe(1);
});

test("an answer of another server is one only to its own question", () => {
  const asked = query("example.org");
  const question = questionOf(asked);
  const answer = reply(asked, question, "none");
  expect(isAnswerTo(answer, asked, question)).toBe(true);
  expect(isAnswerTo(asked, asked, question)).toBe(false);
  expect(isAnswerTo(reply(query("example.com"), question, "none"), asked, question)).toBe(false);
  expect(isAnswerTo(answer.subarray(0, 20), asked, question)).toBe(false);
  expect(messageId(withId(answer, 7))).toBe(7);
});

test("bytes of anybody are understood, refused or ignored, and never more", () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 48271) % 0x7fff_ffff;
    return seed % below;
  };
  const kinds = new Set<Parsed["kind"]>();
  for (let round = 0; round < 20_000; round += 1) {
    const bytes = round % 2 === 0 ? query("web.lunch") : new Uint8Array(random(64));
    for (let change = random(6); change > 0; change -= 1) bytes[random(bytes.length || 1)] = random(256);
    const cut = bytes.subarray(0, random(bytes.length + 1));
    const parsed = parseQuery(cut);
    kinds.add(parsed.kind);
    if (parsed.kind === "question") {
      expect(parsed.question.end).toBeLessThanOrEqual(cut.length);
      expect(answerTimes(cut, parsed.question)?.fields.every(({ at }) => at + 4 <= cut.length) ?? true).toBe(
        true,
      );
      reply(cut, parsed.question, "none", [{ type: "ptr", name: "a.b" }]);
      decideAnswer(parsed.question, asker, round);
    } else if (parsed.kind === "bad") expect(reply(cut, undefined, parsed.code).length).toBe(12);
  }
  expect([...kinds].sort()).toEqual(["bad", "noise", "question"]);
  expect(parseQuery(query("x".repeat(64)))).toEqual({ kind: "bad", code: "format" });
});

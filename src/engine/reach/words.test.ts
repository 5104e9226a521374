import { expect, test } from "bun:test";
import { sentence, sentences } from "./words.ts";

test("both languages say a sentence with the same values", () => {
  const valuesOf = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();
  const different = Object.entries(sentences).filter(
    ([, [en, zh]]) => JSON.stringify(valuesOf(en)) !== JSON.stringify(valuesOf(zh)),
  );
  expect(different).toEqual([]);
});

test("values stand where their names are", () => {
  const said = { say: "listens", values: { who: "web", address: "0.0.0.0", port: 80 } } as const;
  expect(sentence(said, "en")).toBe("web listens at 0.0.0.0:80");
  expect(sentence(said, "zh")).toBe("web 在 0.0.0.0:80 监听");
});

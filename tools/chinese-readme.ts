/**
 * README.zh-CN.md: its words are written by hand, what is shown in blocks of code is README.md's own. A change there lands here by
 * `npm run generate`; a block more or less wants words for it first.
 */
const blockPattern = /```(?:console|ts|text)\n.*?```/gs;

/** The Chinese page with the blocks of the English one. */
export function withBlocksOf(english: string, chinese: string): string {
  const blocks = english.match(blockPattern) ?? [];
  const count = chinese.match(blockPattern)?.length ?? 0;
  if (blocks.length !== count) {
    throw new Error(
      `README.md shows ${blocks.length} blocks of code, README.zh-CN.md ${count}: give the new one its place and its words there`,
    );
  }
  let next = 0;
  return chinese.replace(blockPattern, () => blocks[next++] ?? "");
}

/** What both have to have alike, whatever the language. */
export interface Skeleton {
  readonly headings: readonly number[];
  readonly links: readonly string[];
  readonly code: readonly string[];
  readonly rows: number;
  readonly points: number;
}

/** Links between the two pages are each one's own. */
const betweenPages = ["README.md", "README.zh-CN.md"];

export function skeletonOf(page: string): Skeleton {
  const words = page.replace(blockPattern, "");
  return {
    headings: [...words.matchAll(/^(#+) /gm)].map(([, marks = ""]) => marks.length),
    links: [...words.matchAll(/\]\(([^)]+)\)/g)]
      .map(([, target = ""]) => target)
      .filter((target) => !betweenPages.includes(target))
      // The guide is there in each language.
      .map((target) => target.replace(/^docs\/guide\/(?:en|zh)\//, "docs/guide/"))
      .sort(),
    code: [
      ...new Set([...words.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code.replace(/\s+/g, " "))),
    ].sort(),
    rows: [...words.matchAll(/^\|/gm)].length,
    points: [...words.matchAll(/^- /gm)].length,
  };
}

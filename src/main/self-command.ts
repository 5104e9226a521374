/** How to run this very program again: compiled, or from sources. */
export function selfCommand(words: readonly string[]): {
  readonly executable: string;
  readonly argv: readonly string[];
} {
  const compiled = Bun.main.startsWith("/$bunfs/");
  return {
    executable: process.execPath,
    argv: compiled ? ["tiffin", ...words] : ["bun", Bun.main, ...words],
  };
}

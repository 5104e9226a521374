/** The reference page of the package for programs, made from the sources that its declarations come from. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

interface Member {
  readonly signature: string;
  readonly words: string;
}
interface Declared {
  readonly name: string;
  readonly head: string;
  readonly words: string;
  readonly members: readonly Member[];
}

/** In the order of the page; every name that the door exports out of `src/sdk` is in one of them. */
const files = [
  "connect",
  "engine",
  "containers",
  "container",
  "container-options",
  "container-ready",
  "process",
  "attachment",
  "output-queue",
  "output-text",
  "input",
  "logs",
  "images",
  "image",
  "registry-options",
  "progress",
  "files",
  "networks",
  "volumes",
  "call",
  "context",
] as const;

function wordsOf(comment: string): string {
  return comment
    .replace(/^\s*\/\*\*|\*\/\s*$/g, "")
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, "").trim())
    .join(" ")
    .trim();
}

/** Several lines as one, with the blanks of one. */
function joined(lines: readonly string[]): string {
  return (
    lines
      .map((line) => line.trim())
      .join(" ")
      .replace(/; \}/g, " }")
      // A parameter that is taken apart is one that has no name.
      .replace(/\{ [\w, ]+ \}(\??):/g, "options$1:")
      .replace(/[;{]$/, "")
      .replace(/^(?:readonly|get) /, "")
      .trim()
  );
}

/** Members stand four blanks in; what is deeper, or closes what was opened there, goes with them. */
function membersOf(lines: readonly string[]): Member[] {
  const members: Member[] = [];
  let comment: string[] = [];
  let signature: string[] = [];
  let isComment = false;
  for (const line of lines) {
    if (line.startsWith("    /**")) isComment = true;
    if (isComment) {
      // What is said of the fields of a type within a type is in its declaration.
      if (signature.length === 0) comment.push(line);
      if (line.endsWith("*/")) isComment = false;
      continue;
    }
    if (line.trim().startsWith("/**")) continue;
    signature.push(line);
    if (!/^ {4}\S.*;$/.test(line)) continue;
    const text = joined(signature);
    if (!/^(?:#private|private |protected |constructor)/.test(text)) {
      members.push({ signature: text, words: wordsOf(comment.join("\n")) });
    }
    comment = [];
    signature = [];
  }
  return members;
}

const declarationPattern = /^export (?:declare )?((?:class|interface|type|function) (\w+).*)$/;

/** The declarations in the text of a `.d.ts`, those that `exported` has. */
function declaredIn(text: string, exported: ReadonlySet<string>): Declared[] {
  const lines = text.split("\n");
  const found: Declared[] = [];
  for (const [index, line] of lines.entries()) {
    const [, head = "", name = ""] = declarationPattern.exec(line) ?? [];
    if (!exported.has(name)) continue;
    const isWhole = line.endsWith(";");
    const end = isWhole
      ? index
      : lines.findIndex(
          (each, at) =>
            at > index &&
            /^\}|^ {4}\S.*;$|^\S.*;$/.test(each) &&
            (head.endsWith("{") ? each.startsWith("}") : true),
        );
    const body = lines.slice(index + 1, isWhole ? index + 1 : end + (head.endsWith("{") ? 0 : 1));
    const hasMembers = /^(?:class|interface) /.test(head);
    found.push({
      name,
      head: hasMembers
        ? joined([head])
        : joined([head, ...body, ...(head.endsWith("{") ? [lines[end] ?? ""] : [])]),
      words: commentBefore(lines, index),
      members: hasMembers ? membersOf(body) : [],
    });
  }
  return found;
}

function commentBefore(lines: readonly string[], index: number): string {
  if (lines[index - 1]?.trim().endsWith("*/") !== true) return "";
  const start = lines.findLastIndex((line, at) => at < index && line.startsWith("/**"));
  return wordsOf(lines.slice(start, index).join("\n"));
}

function partOf({ name, head, words, members }: Declared): string {
  const isPlain = /^(?:class|interface) /.test(head);
  const extension = / (?:extends|implements) .*/.exec(head)?.[0] ?? "";
  const title = isPlain ? `\`${name}\`${extension === "" ? "" : ` \`${extension.trim()}\``}` : `\`${name}\``;
  const rows = members.map(
    ({ signature, words: said }) => `- \`${signature}\`${said === "" ? "" : `: ${said}`}`,
  );
  const code = isPlain ? "" : `\`\`\`ts\n${head}\n\`\`\`\n\n`;
  return `### ${title}\n\n${words === "" ? "" : `${words}\n\n`}${code}${rows.length === 0 ? "" : `${rows.join("\n")}\n\n`}`;
}

/** The names that the door of `src/sdk` exports out of that folder. */
export function exportedNames(door: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [, list = ""] of door.matchAll(/export (?:type )?\{([^}]*)\} from "\.\/[\w-]+\.ts"/g)) {
    for (const name of list.split(",")) names.add(name.replace(/^\s*(?:type )?/, "").trim());
  }
  names.delete("");
  return names;
}

/** The declarations of the package, written to `out` by the compiler. */
function declare(out: string): void {
  const words = ["node_modules/.bin/tsc", "-p", "tools/package/npm/tsconfig.json", "--outDir", out];
  const done = Bun.spawnSync(words, { cwd: join(import.meta.dir, ".."), stdin: "ignore" });
  if (done.exitCode !== 0) throw new Error(`${words.join(" ")} failed:\n${done.stdout.toString()}`);
}

export function programsPage(source: string): string {
  const exported = exportedNames(readFileSync(join(source, "sdk/mod.ts"), "utf8"));
  const out = mkdtempSync("/tmp/tiffin-declarations-");
  let declared: Declared[];
  try {
    declare(out);
    declared = files.flatMap((file) =>
      declaredIn(readFileSync(join(out, "sdk", `${file}.d.ts`), "utf8"), exported),
    );
  } finally {
    rmSync(out, { recursive: true });
  }
  const missing = [...exported].filter((name) => !declared.some((each) => each.name === name));
  if (missing.length > 0)
    throw new Error(`not in the page of the package for programs: ${missing.join(", ")}`);
  return `# The package for programs

<!-- Generated from src/sdk by tools/generate.ts; edits here are lost. -->

\`import { connect } from "tiffin"\`. Documents of Docker's API (\`ContainerInspect\`, \`EventMessage\` and the like) have the fields that
[fields.md](fields.md) and Docker's own reference name; \`engine.call\` takes the names of the routes in [api.md](api.md). Every failure is a
\`TiffinError\` with a \`kind\` and a \`code\` ([errors.md](errors.md)). Programs that show all of this are in [examples/](../../examples).

${declared.map(partOf).join("").trimEnd()}
`;
}

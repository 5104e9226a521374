/** What Bun's JUnit reports say, without an XML parser: they are written by one program in one form. */

export interface TestResult {
  readonly file: string;
  readonly line: string;
  /** The names of the groups around it, then its own. */
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** Of a failure. */
  readonly text: string;
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function textOf(text: string): string {
  return text.replace(
    /&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));/g,
    (whole, decimal?: string, hex?: string, name?: string) => {
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      return entities[name ?? ""] ?? whole;
    },
  );
}

function attributeOf(tag: string, name: string): string {
  return textOf(new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1] ?? "");
}

function outcomeOf(body: string): Pick<TestResult, "outcome" | "text"> {
  if (/^\s*<skipped/.test(body)) return { outcome: "skipped", text: "" };
  const found = /^\s*<(?:failure|error)\b([^>]*)>([^<]*)/.exec(body);
  if (found === null) return { outcome: "passed", text: "" };
  const [, tag = "", inner = ""] = found;
  return {
    outcome: "failed",
    text: textOf(inner).trim() || attributeOf(tag, "message") || attributeOf(tag, "type"),
  };
}

/** Every test of a report, in its order. */
export function testResults(report: string): TestResult[] {
  const cases = report.matchAll(/<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g);
  return [...cases].map(([, tag = "", body = ""]) => ({
    file: attributeOf(tag, "file"),
    line: attributeOf(tag, "line"),
    name: [attributeOf(tag, "classname"), attributeOf(tag, "name")].filter((part) => part !== "").join(" > "),
    ...outcomeOf(body),
  }));
}

/** How many tests the report says that there were; it must be as many as it shows. */
export function statedCount(report: string): number {
  return Number(attributeOf(/<testsuites\b[^>]*>/.exec(report)?.[0] ?? "", "tests"));
}

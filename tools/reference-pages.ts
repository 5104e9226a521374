/** The reference pages that are made from the program's own tables: the API, the command line, the error codes. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { helpPage } from "../src/cli/command.ts";
import { commandTable } from "../src/cli/command-table.ts";
import { programPage } from "../src/cli/help.ts";
import {
  connectFields,
  createFields,
  execFields,
  type Field,
  type FieldTable,
} from "../src/docker/fields.ts";
import type { RequestBody, Result } from "../src/docker/route.ts";
import { routes } from "../src/docker/routes.ts";
import { helpText as benchPage } from "../src/lab/mod.ts";
import { nouns } from "../src/lab/outline.ts";
import { proofOfRoute } from "./route-cases.ts";

const pageWidth = 100;

function answerOf(result: Result): string {
  switch (result.kind) {
    case "json":
      return `${result.status}, JSON${result.later ? " when it is known" : ""}`;
    case "empty":
      return `${result.status}`;
    case "head":
      return `200, ${Object.keys(result.fields).join(", ")}`;
    case "raw":
      return `200, ${result.mediaType}`;
    case "lines":
      return "200, JSON documents, a line each, as they come";
    case "text":
      return "200, text";
    case "stream":
      return "200, bytes as they come";
    case "hijack":
      return result.protocol === "tcp"
        ? "101 or 200, then the connection is the stream"
        : `101, then the connection speaks ${result.protocol}`;
    case "session":
      return "101, then Tiffin's frames both ways";
  }
}

function bodyText(body: RequestBody): string {
  if (body === undefined) return "";
  return body.kind === "json" ? "JSON" : body.mediaType;
}

export function apiPage(): string {
  const rows = Object.entries(routes).map(([name, { method, path, query, headers, body, result }]) => {
    const parameters = [...Object.keys(query), ...Object.keys(headers).map((field) => `${field}:`)]
      .map((key) => `\`${key}\``)
      .join(" ");
    const { verdict, how } = path.startsWith("/tiffin/") ? { verdict: "", how: "" } : proofOfRoute(name);
    const shown = [verdict, how].filter((text) => text !== "").join(": ");
    return `| \`${method} ${path}\` | ${name} | ${parameters} | ${bodyText(body)} | ${answerOf(result)} | ${shown} |`;
  });
  return `# The HTTP API

<!-- Generated from src/docker/routes.ts by tools/generate.ts; edits here are lost. -->

Docker's Engine API, versions 1.24 to 1.50, on a unix socket; paths may carry a version (\`/v1.47/...\`). Routes below
\`/tiffin/\` are additions. Errors are JSON with \`message\`, and where there is more to say \`code\`, \`remedy\` and \`exitCode\`.

The last column says what becomes of a route of Docker's. \`case\`: requests to it are sent to this engine and to one of Docker's, and the
answers are alike in status, kind, fields and errors (tools/route-cases.ts, run by test/compat/docker-routes.test.ts). A file: the test that shows it.

| Request | Name | Query and header fields | Body | Answer | Beside Docker |
| --- | --- | --- | --- | --- | --- |
${rows.join("\n")}
`;
}

function fateOf(field: Field): string {
  switch (field.does) {
    case "done":
      return `done | ${field.effect}`;
    case "recorded":
      return `shown by inspect alone | ${field.why}`;
    case "ignored":
      return `ignored | ${field.why}`;
    case "warned":
      return `warning | ${field.message("VALUE")}`;
    case "refused":
      return `refused | ${field.message("VALUE")}`;
  }
}

function fieldRows(table: FieldTable): string {
  return Object.entries(table)
    .map(([path, field]) => `| \`${path}\` | ${fateOf(field)} |`)
    .join("\n");
}

export function fieldsPage(): string {
  return `# What the fields of a request do

<!-- Generated from src/docker/fields.ts by tools/generate.ts; edits here are lost. -->

Every field that a client may send, \`[]\` standing for each element of a list and \`{}\` for each value of a map. A field that is
not here is ignored, as Docker ignores what it does not know. A field that is refused or warned of may be sent with its zero value.

## POST /containers/create

| Field | What is done with it | |
| --- | --- | --- |
${fieldRows(createFields)}

## POST /networks/{id}/connect

| Field | What is done with it | |
| --- | --- | --- |
${fieldRows(connectFields)}

## POST /containers/{name}/exec

| Field | What is done with it | |
| --- | --- | --- |
${fieldRows(execFields)}
`;
}

export async function commandsPage(): Promise<string> {
  const pages: string[] = [];
  for (const entry of commandTable) {
    const name = entry.names.at(-1) ?? "";
    const page = helpPage(await entry.load(), `tiffin ${name}`, pageWidth);
    pages.push(`## tiffin ${name}\n\n\`\`\`text\n${page.trimEnd()}\n\`\`\`\n`);
  }
  return `# The command line

<!-- Generated from src/cli/commands by tools/generate.ts; edits here are lost. -->

\`\`\`text
${programPage(pageWidth).trimEnd()}
\`\`\`

${pages.join("\n")}`;
}

export function labPage(): string {
  const pages = nouns.map(
    ({ name, summary }) =>
      `## tiffin lab ${name}\n\n${summary}.\n\n\`\`\`text\n${benchPage(name).trimEnd()}\n\`\`\`\n`,
  );
  return `# The bench

<!-- Generated from src/lab/outline.ts by tools/generate.ts; edits here are lost. -->

Networks built by hand, without an engine and without \`ip\`. What is made is written down before it is made, in
\`lab-journal\` below the run directory, and \`tiffin lab undo\` takes it back in reverse, also after a kill in the middle. It
puts former settings of links back too; it does not bring back what a command of the bench has removed, nor routes
that the kernel dropped with a link or an address. What has been removed otherwise, or is another thing of the same
name by now, is left alone; what cannot be taken back stays in the journal, and undo says why. \`--json\` prints what
\`ip -json\` prints, the fields that matter by the same names, and of bridges (\`bridge show\`) a list of ports.

\`\`\`text
${benchPage(undefined).trimEnd()}
\`\`\`

${pages.join("\n")}`;
}

const errorPattern = /new TiffinError\(\s*"(\w+)",\s*"([\w.-]+)"/g;
/** The code of a kit of decoders, or of a form of files: what is wrong in a document is always `invalid`. */
const decoderPattern = /\bcode(?::| =) "([a-z-]+\.[a-z.-]+)"/g;
/** How the checks of a container's specification say no: `refuse` of src/engine/container/specification. */
const refusalPattern = /\b(?:refuse|within)\(\s*"([a-z-]+)"/g;
const refusingFolder = "engine/container/";

/** Every code that the sources name, with the kinds it comes with and the folders it comes from. */
export function errorsPage(source: string): string {
  const codes = new Map<string, { kinds: Set<string>; folders: Set<string> }>();
  const note = (name: string, kind: string, code: string): void => {
    const entry = codes.get(code) ?? { kinds: new Set(), folders: new Set() };
    entry.kinds.add(kind);
    entry.folders.add(name.slice(0, name.lastIndexOf("/")));
    codes.set(code, entry);
  };
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && !name.includes("/testing/"),
  );
  for (const name of files.sort()) {
    const text = readFileSync(join(source, name), "utf8");
    for (const [, kind = "", code = ""] of text.matchAll(errorPattern)) note(name, kind, code);
    for (const [, code = ""] of text.matchAll(decoderPattern)) note(name, "invalid", code);
    if (!name.startsWith(refusingFolder)) continue;
    for (const [, code = ""] of text.matchAll(refusalPattern)) note(name, "invalid", `container.${code}`);
  }
  const rows = [...codes]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([code, { kinds, folders }]) =>
        `| \`${code}\` | ${[...kinds].join(", ")} | ${[...folders].map((folder) => `src/${folder}`).join(", ")} |`,
    );
  return `# Error codes

<!-- Generated from the sources by tools/generate.ts; edits here are lost. -->

Codes are stable: programs may compare them. The kind decides the HTTP status (invalid 400, unauthorized 401, forbidden 403,
notFound 404, conflict 409, notModified 304, notImplemented 501, unavailable 503, cancelled and internal 500).

| Code | Kind | From |
| --- | --- | --- |
${rows.join("\n")}
`;
}

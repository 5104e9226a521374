/** `list`: every container below the root. */
import type { CommandContext } from "../command.ts";
import { listContainers } from "../container/container-record.ts";
import { KnownContainers } from "../container/known-containers.ts";
import { stateDocument } from "../container/status.ts";
import { log } from "../error-log.ts";
import { usage } from "../flags.ts";

const columns = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"] as const;
const gap = 3;

/** A resident helper is asked again and again. */
const known = new KnownContainers();

export async function list(context: CommandContext): Promise<number> {
  const { flags, root, host } = context;
  const format = flags.text("format") ?? "table";
  if (format !== "table" && format !== "json") throw usage(`unknown format ${JSON.stringify(format)}`);
  if (flags.switch("quiet")) {
    host.print(
      1,
      listContainers(root)
        .map((id) => `${id}\n`)
        .join(""),
    );
    return 0;
  }
  const listed = await known.list(root, host, (error) => log(context.log, "warning", error.message));
  const documents = listed.map(({ container, uid, status }) => ({
    ...stateDocument(root, container, status),
    owner: uid === 0 ? "root" : String(uid),
  }));
  host.print(
    1,
    format === "json" ? `${JSON.stringify(documents.length === 0 ? null : documents)}\n` : table(documents),
  );
  return 0;
}

function table(documents: readonly ReturnType<typeof stateDocument>[]): string {
  const rows = documents.map((each) => columns.map((column) => String(each[column.toLowerCase()] ?? "")));
  const widths = columns.map(
    (column, at) => Math.max(column.length, ...rows.map((row) => row[at]?.length ?? 0)) + gap,
  );
  const line = (row: readonly string[]): string =>
    row
      .map((text, at) => text.padEnd(widths[at] ?? 0))
      .join("")
      .trimEnd();
  return `${[columns, ...rows].map(line).join("\n")}\n`;
}

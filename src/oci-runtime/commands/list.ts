/** `list`: every container below the root. */
import { TiffinError } from "../../lib/errors.ts";
import type { CommandContext } from "../command.ts";
import { listContainers } from "../container/container-record.ts";
import { KnownContainers } from "../container/known-containers.ts";
import { stateDocument } from "../container/status.ts";
import { log } from "../error-log.ts";
import { usage } from "../flags.ts";

const columns = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"] as const;
const gap = 3;

/** A resident helper is asked again and again; so many containers are looked at before others have their turn. */
const known = new KnownContainers();
const atOnce = 32;

export async function list(context: CommandContext): Promise<number> {
  const { flags, root } = context;
  const format = flags.text("format") ?? "table";
  if (format !== "table" && format !== "json") throw usage(`unknown format ${JSON.stringify(format)}`);
  const ids = listContainers(root);
  if (flags.switch("quiet")) {
    context.host.print(1, ids.map((id) => `${id}\n`).join(""));
    return 0;
  }
  known.forgetOthers(root, ids);
  const documents: ReturnType<typeof stateDocument>[] = [];
  for (const [index, id] of ids.entries()) {
    documents.push(...documentOf(context, id));
    if (index % atOnce === atOnce - 1) await context.host.pause(0);
  }
  context.host.print(
    1,
    format === "json" ? `${JSON.stringify(documents.length === 0 ? null : documents)}\n` : table(documents),
  );
  return 0;
}

/** Nothing for one that was deleted since it was listed, or that has no readable state, which is told. */
function documentOf({ root, log: to }: CommandContext, id: string): ReturnType<typeof stateDocument>[] {
  try {
    const { container, uid } = known.read(root, id);
    return [{ ...stateDocument(root, container), owner: uid === 0 ? "root" : String(uid) }];
  } catch (thrown) {
    if (!(thrown instanceof TiffinError)) throw thrown;
    if (thrown.code !== "runtime.no-container") log(to, "warning", thrown.message);
    return [];
  }
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

/**
 * A container's row, once more beside its files: ROOT/containers/ID/container.json. With it the directories alone say
 * which containers there are, so that a database that was lost, or is an older copy, costs nobody anything.
 *
 * A container that stays is written down, durably, before its creation is answered; every later change, and a container
 * that goes away by itself, some time after (`RowFiles`). So the state in it may be behind, never its existence.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { anything } from "../../../lib/decoders.ts";
import { formatExactJson, parseExactJson } from "../../../lib/exact-json.ts";
import { decodeDocument, encodeDocument, rowKit } from "./document.ts";
import type { ContainerRow } from "./repository.ts";
import { decodeState, encodeState } from "./stored-state.ts";

const { integer, mapOf, object, text } = rowKit;

const fileName = "container.json";
const fileVersion = 2;
const privateMode = 0o600;

function encode(row: ContainerRow): string {
  const { id, name, createdMs } = row;
  return formatExactJson({
    version: fileVersion,
    id,
    name,
    createdMs,
    document: encodeDocument(row.document),
    state: encodeState(row.state, row.restarts),
  });
}

/** Replaces the row in `directory`. A power cut may take the change back, a crash of the engine not. */
export function writeRowFile(directory: string, row: ContainerRow): void {
  const path = `${directory}/${fileName}`;
  writeFileSync(`${path}.new`, encode(row), { mode: privateMode });
  renameSync(`${path}.new`, path);
}

/** The same, on disk before it resolves, its directory's entry included. The waits are off this thread. */
export async function writeRowFileDurably(directory: string, row: ContainerRow): Promise<void> {
  const path = `${directory}/${fileName}`;
  const unfinished = `${path}.first`;
  await using file = await open(unfinished, "w", privateMode);
  await file.writeFile(encode(row));
  await file.sync();
  await rename(unfinished, path);
  await syncOf(directory);
  await syncOf(`${directory}/..`);
}

async function syncOf(directory: string): Promise<void> {
  await using opened = await open(directory, "r");
  await opened.sync();
}

/** The row in `directory`; undefined when there is none, or none that can be understood. */
export function readRowFile(directory: string): ContainerRow | undefined {
  try {
    return decodeRow(parseExactJson(readFileSync(`${directory}/${fileName}`, "utf8")));
  } catch {
    return undefined;
  }
}

const file = object({
  version: integer,
  id: text,
  name: text,
  createdMs: integer,
  document: mapOf(anything),
  state: mapOf(anything),
});

/** In the first version of the file what is in it did not say its own: it was 1. */
function decodeRow(value: unknown): ContainerRow | undefined {
  const { version, id, name, createdMs, document, state } = file(value, "");
  if (version !== 1 && version !== fileVersion) return undefined;
  return {
    id,
    name,
    createdMs,
    document: decodeDocument({ version: 1, ...document }),
    ...decodeState({ version: 1, ...state }),
  };
}

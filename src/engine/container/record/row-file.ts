/**
 * A container's row, once more beside its files: ROOT/containers/ID/container.json. With it the directories alone say
 * which containers there are, so that a database that was lost, or is an older copy, costs nobody anything.
 *
 * A container that stays is written down, durably, before its creation is answered; every later change, and a container
 * that goes away by itself, some time after (`RowFiles`). So the state in it may be behind, never its existence.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { formatExactJson, parseExactJson } from "../../../lib/exact-json.ts";
import type { ContainerRow } from "./repository.ts";

const fileName = "container.json";
const fileVersion = 1;
const privateMode = 0o600;

function encode(row: ContainerRow): string {
  const { id, name, createdMs, document, state } = row;
  return formatExactJson({ version: fileVersion, id, name, createdMs, document, state });
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

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null ? { ...value } : undefined;
}

/** Only an engine writes this file, whole or not at all: who and what it is about is looked at, the rest trusted. */
function decodeRow(value: unknown): ContainerRow | undefined {
  const fields = fieldsOf(value);
  const document = fieldsOf(fields?.["document"]);
  const state = fieldsOf(fields?.["state"]);
  if (fields?.["version"] !== fileVersion || document === undefined || state === undefined) return undefined;
  const { id, name, createdMs } = fields;
  if (typeof id !== "string" || typeof name !== "string" || typeof createdMs !== "number") return undefined;
  if (["image", "config", "host", "network"].some((key) => fieldsOf(document[key]) === undefined))
    return undefined;
  if (!Array.isArray(document["mounts"]) || typeof state["status"] !== "string") return undefined;
  return {
    id,
    name,
    createdMs,
    document: fields["document"] as ContainerRow["document"],
    state: fields["state"] as ContainerRow["state"],
  };
}

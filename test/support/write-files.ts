import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Each with the directories on its way; paths are relative to `directory`. */
export function writeFiles(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = `${directory}/${name}`;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}

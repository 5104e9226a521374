/** What the Dockerfiles of `test/compat/programs/dockerfiles` are built from. */
import { chmodSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { writeFiles } from "./write-files.ts";

const directories = 8;
const filesEach = 40;

/** Makes it at `directory`, which must not be there; `besides` is a place for a moment. */
export function makeBuildContext(directory: string, besides: string): void {
  writeFiles(directory, {
    one: "one\n",
    two: "two\n",
    "dir/a": "a\n",
    "dir/deep/b": "b\n",
    "dir/.hidden": "h\n",
    "kept/skip.md": "s\n",
    ".dockerignore": "kept\n",
  });
  chmodSync(`${directory}/dir`, 0o750);
  chmodSync(`${directory}/dir/a`, 0o711);
  symlinkSync("../one", `${directory}/dir/link`);
  symlinkSync("/etc/passwd", `${directory}/outside`);
  for (let at = 0; at < directories; at += 1) {
    mkdirSync(`${directory}/many/d${at}`, { recursive: true });
    for (let file = 0; file < filesEach; file += 1) {
      writeFileSync(`${directory}/many/d${at}/f${file}`, `${at} ${file}\n`);
    }
  }
  const words = ["tar", "-C", directory, "--owner=7", "--group=8", "-czf", besides, "dir"];
  if (Bun.spawnSync(words).exitCode !== 0) throw new Error("tar failed");
  renameSync(besides, `${directory}/a.tgz`);
}

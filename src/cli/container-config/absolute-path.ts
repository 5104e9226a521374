/**
 * `path` seen from the directory `cwd`, without `.`, `..`, and doubled or trailing slashes. Written out because loading `node:path`
 * takes a third of a millisecond of every `run`.
 */
export function absolutePath(cwd: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${cwd}/${path}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

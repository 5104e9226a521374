/** Paths in a container as text. Symbolic links are the executor's business (openat2 RESOLVE_IN_ROOT). */

/** Absolute, without `.`, `..`, empty parts or a slash at the end; `..` stops at the root. */
export function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** `path` below `directory` as a relative path; undefined when it is not below it. Both clean. */
export function pathBelow(directory: string, path: string): string | undefined {
  const prefix = directory === "/" ? "/" : `${directory}/`;
  return path.startsWith(prefix) && path.length > prefix.length ? path.slice(prefix.length) : undefined;
}

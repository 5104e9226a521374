/** What stands on the two sides of `cp`, and what a copy is called at its destination. Pure. */

export interface CopySide {
  /** Undefined: a path of this machine. */
  readonly container: string | undefined;
  /** `-` is standard input or output. */
  readonly path: string;
}

/** `CONTAINER:PATH`, or a path: one that begins with `/` or `.` is never a container's. */
export function copySide(word: string): CopySide {
  const colon = word.indexOf(":");
  if (word.startsWith("/") || word.startsWith(".") || colon < 0) return { container: undefined, path: word };
  return { container: word.slice(0, colon), path: word.slice(colon + 1) };
}

/** `a/b/` and `a/b/.` mean a directory. */
export function meansDirectory(path: string): boolean {
  return /(^|\/)\.?$/.test(path);
}

/** `a/b/.` means what is in it. */
export function meansContent(path: string): boolean {
  return /(^|\/)\.$/.test(path);
}

/** Without slashes at the end; the last name. */
export function lastName(path: string): string {
  const clean = path.replace(/\/+$/, "");
  return clean.slice(clean.lastIndexOf("/") + 1);
}

export function directoryOf(path: string): string {
  const clean = path.replace(/\/+$/, "");
  const slash = clean.lastIndexOf("/");
  return slash < 0 ? "." : clean.slice(0, slash) || "/";
}

export interface SourceInfo {
  readonly path: string;
  readonly isDirectory: boolean;
}

export interface DestinationInfo {
  readonly path: string;
  readonly kind: "missing" | "directory" | "other";
}

/** Into which directory, and under which name; without a name what is in the source goes straight into it. */
export interface Landing {
  readonly directory: string;
  readonly name: string | undefined;
}

/** As cp(1) with Docker's rules for slashes. Throws in Docker's words. */
export function landingOf(source: SourceInfo, destination: DestinationInfo): Landing {
  const { path } = destination;
  if (destination.kind === "directory") {
    return {
      directory: path,
      name: source.isDirectory && meansContent(source.path) ? undefined : lastName(source.path),
    };
  }
  if (destination.kind === "other") {
    if (source.isDirectory) throw new Error("cannot copy directory");
    if (meansDirectory(path)) throw new Error("not a directory");
  } else if (meansDirectory(path) && !source.isDirectory) {
    throw new Error("no such directory");
  }
  return { directory: directoryOf(path), name: lastName(path) };
}

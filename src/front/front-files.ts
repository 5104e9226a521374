/** Files of a caller, as far as somebody else can look at them without waiting for anybody. `unknown`: only the caller can say. */

export interface FrontFiles {
  read(path: string): Uint8Array | "missing" | "unknown";
  /** Links followed. */
  status(path: string): { readonly type: string } | "missing" | "unknown";
  /** A directory, by what it is the same for everybody on this machine. */
  directory(
    path: string,
  ): { readonly device: string; readonly inode: string; readonly bootId: string } | "missing" | "unknown";
}

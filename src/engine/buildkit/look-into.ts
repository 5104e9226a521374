/** Files of what a build came to, as clients' own frontends ask for them: by paths that never lead out of its tree. */
import {
  CallFailed,
  codes,
  encodeGoMode,
  type FileStat,
  fileStat,
  type readDirectoryRequest,
  type readFileRequest,
  type statFileRequest,
} from "../../buildkit/mod.ts";
import { shellPattern } from "../../docker/shell-pattern.ts";
import { openFile, openFlags } from "../../kernel/files.ts";
import { readAt } from "../../kernel/io.ts";
import type { OpenTree } from "../build/mod.ts";
import type { TreeNode } from "../tree/mod.ts";

type ReadFile = ReturnType<typeof readFileRequest.decode>;
type ReadDirectory = ReturnType<typeof readDirectoryRequest.decode>;
type StatFile = ReturnType<typeof statFileRequest.decode>;
type Found = NonNullable<ReturnType<OpenTree["find"]>>;

/** No message is longer. Longer files are asked for in ranges. */
const limitBytes = 4 * 1024 * 1024;
const limitEntries = 20_000;

export function readFileIn(tree: OpenTree, { path, range }: ReadFile): { readonly data: Uint8Array } {
  using found = foundIn(tree, path);
  const { type, sizeBytes } = found.status;
  if (type !== "file") throw new CallFailed(codes.invalidArgument, `${path}: no regular file but a ${type}`);
  const offset = Math.min(range?.offset ?? 0, sizeBytes);
  const wanted = Math.min(sizeBytes - offset, (range?.length ?? 0) > 0 ? (range?.length ?? 0) : sizeBytes);
  if (offset < 0 || wanted > limitBytes)
    throw new CallFailed(
      codes.invalidArgument,
      `${path}: ${wanted} bytes at once are too many, ask for ranges of at most ${limitBytes}`,
    );
  // It is known to be a regular file, so opening it cannot block.
  using file = openFile(undefined, found.path, openFlags.readOnly);
  return { data: readAt(file, new Uint8Array(wanted), offset) };
}

export function readDirectoryIn(
  tree: OpenTree,
  { path, include }: ReadDirectory,
): { readonly entries: readonly FileStat[] } {
  using found = foundIn(tree, path);
  if (!found.isDirectory) throw new CallFailed(codes.invalidArgument, `${path}: not a directory`);
  const matches = include === "" ? () => true : shellPattern(include);
  if (matches === undefined)
    throw new CallFailed(codes.invalidArgument, `syntax error in pattern: ${include}`);
  const names = [...found.names()].filter(matches).sort();
  if (names.length > limitEntries)
    throw new CallFailed(codes.resourceExhausted, `${path}: more than ${limitEntries} entries`);
  return {
    entries: names.flatMap((name) => {
      using entry = found.child(name);
      return entry === undefined
        ? []
        : [statOf(entry, name, entry.status.type === "symlink" ? entry.target() : "")];
    }),
  };
}

export function statFileIn(tree: OpenTree, { path }: StatFile): { readonly stat: FileStat } {
  using found = foundIn(tree, path);
  return { stat: statOf(found, path.split("/").findLast((part) => part !== "") ?? "/", "") };
}

function foundIn(tree: OpenTree, path: string): Found {
  const found = path.includes("\0") ? undefined : tree.find(path);
  if (found === undefined) throw new CallFailed(codes.notFound, `${path}: no such file or directory`);
  return found;
}

function statOf({ status }: TreeNode, path: string, linkName: string): FileStat {
  const { type, mode, uid, gid, sizeBytes, modifiedAtNs, specialMajor, specialMinor } = status;
  return fileStat.of({
    path,
    mode: encodeGoMode({ type: type === "unknown" ? "other" : type, mode }),
    uid,
    gid,
    size: sizeBytes,
    modifiedAtNs,
    linkName,
    deviceMajor: specialMajor,
    deviceMinor: specialMinor,
  });
}

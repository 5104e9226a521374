/** The files of a tar, unpacked for as long as somebody takes them one by one. */
import { encodeGoMode, type FileStat, fileStat, type GoFileType, type SentTree } from "../../buildkit/mod.ts";
import { fileStatus, listDirectory, removeTreeInSlices } from "../../kernel/directory.ts";
import { makeDirectory, openDirectory, openFile, openFlags, readLinkOf } from "../../kernel/files.ts";
import { readSome } from "../../kernel/io.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { randomHex } from "../../lib/ids.ts";
import { resolveFlags } from "../../linux/open-flags.ts";
import { unpack } from "../tree/mod.ts";

const nameDigits = 12;
const privateMode = 0o700;
const chunkBytes = 256 * 1024;
const resolve = resolveFlags.beneath | resolveFlags.noSymlinks;

/** @param parent Directory that it is made in. @param limitBytes What holes of sparse files may add up to. */
export async function stageTar(
  tar: AsyncIterable<Uint8Array>,
  parent: string,
  limitBytes: number,
): Promise<AsyncDisposable & SentTree> {
  makeDirectory(parent, privateMode);
  const path = `${parent}/${randomHex(nameDigits)}`;
  makeDirectory(path, privateMode);
  try {
    using root = openDirectory(path);
    await unpack(tar, {
      root,
      directory: "/",
      keepTypes: false,
      owner: undefined,
      firstHostId: 0,
      whiteouts: false,
      limitHoleBytes: limitBytes,
    });
  } catch (thrown) {
    await removeTreeInSlices(path);
    throw thrown;
  }
  return {
    entries: () => entriesOf(path),
    content: (name) => contentOf(path, name),
    async [Symbol.asyncDispose]() {
      await removeTreeInSlices(path);
    },
  };
}

function* entriesOf(path: string): Generator<FileStat> {
  using root = openDirectory(path);
  yield* entriesBelow(root, "", new Map());
}

function* entriesBelow(root: OwnedFd, directory: string, linked: Map<bigint, string>): Generator<FileStat> {
  using list = openFile(root, directory === "" ? "." : directory, openFlags.readOnly | openFlags.directory, {
    resolve,
  });
  const names = listDirectory(list, directory)
    .map(({ name }) => name)
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (const name of names) {
    const status = fileStatus(name, list);
    if (status === undefined) continue;
    const path = directory === "" ? name : `${directory}/${name}`;
    const { type, mode, uid, gid, sizeBytes, modifiedAtNs, links, inode } = status;
    const kind: GoFileType = type === "unknown" ? "other" : type;
    let linkName = "";
    if (type === "symlink") {
      using link = openFile(list, name, openFlags.path | openFlags.noFollow, {
        resolve: resolveFlags.beneath,
      });
      linkName = readLinkOf(link);
    } else if (type === "file" && links > 1) {
      linkName = linked.get(inode) ?? "";
      if (linkName === "") linked.set(inode, path);
    }
    yield fileStat.of({
      path,
      mode: encodeGoMode({ type: kind, mode }),
      uid,
      gid,
      size: type === "file" ? sizeBytes : 0,
      modifiedAtNs,
      linkName,
      deviceMajor: status.specialMajor,
      deviceMinor: status.specialMinor,
    });
    if (type === "directory") yield* entriesBelow(root, path, linked);
  }
}

async function* contentOf(path: string, name: string): AsyncGenerator<Uint8Array> {
  using root = openDirectory(path);
  using file = openFile(root, name, openFlags.readOnly | openFlags.noFollow, { resolve });
  for (;;) {
    const piece = new Uint8Array(chunkBytes);
    const got = readSome(file, piece);
    if (got === 0) return;
    yield piece.subarray(0, got);
  }
}

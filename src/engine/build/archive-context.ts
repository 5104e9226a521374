/** Contexts that come as archives, compressed or not. */
import { openDirectory } from "../../kernel/files.ts";
import { decompress, unpack } from "../tree/mod.ts";
import type { LocalContext } from "./inputs.ts";

/** What is sent as a context belongs to root, whoever had it. */
export function contextUnpacking(
  root: ReturnType<typeof openDirectory>,
  limitHoleBytes = 0,
): Parameters<typeof unpack>[1] {
  return {
    root,
    directory: "/",
    keepTypes: false,
    owner: { uid: 0, gid: 0 },
    firstHostId: 0,
    whiteouts: false,
    limitHoleBytes,
  };
}

/** An archive, however it comes. It can be received once. */
export function archiveContext(
  archive: (signal: AbortSignal) => AsyncIterable<Uint8Array>,
  limitBytes: number,
): LocalContext {
  return {
    comesWhole: true,
    async receive(directory, _wanted, signal) {
      using root = openDirectory(directory);
      await unpack(decompress(archive(signal), limitBytes), contextUnpacking(root, limitBytes));
    },
  };
}

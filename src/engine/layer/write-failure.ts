import { SyscallError } from "../../kernel/syscall.ts";
import { messageOf, TiffinError } from "../../lib/errors.ts";

/** What a file system says that takes no more, in words for people. */
const fullWords: ReadonlyMap<unknown, string> = new Map([
  ["ENOSPC", "no space left on device"],
  ["EDQUOT", "disk quota exceeded"],
  ["EFBIG", "file too large for this file system"],
]);

/** A failure to write a file of a layer, as an error of the layer. */
export function writing<T>(write: () => T): T {
  try {
    return write();
  } catch (thrown) {
    if (thrown instanceof TiffinError || !(thrown instanceof Error) || !("code" in thrown)) throw thrown;
    const words = fullWords.get(thrown.code);
    if (words !== undefined) throw noRoom(placeOf(thrown), words, thrown);
    if (!(thrown instanceof SyscallError)) throw thrown;
    throw new TiffinError("internal", "layer.write-failed", `cannot write the layer: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}

function noRoom(place: string, words: string, cause: Error): TiffinError {
  return new TiffinError(
    "unavailable",
    "layer.write-failed",
    `cannot write the layer${place === "" ? "" : ` to ${place}`}: ${words}`,
    {
      remedy:
        "remove images or containers that nobody needs (tiffin system df shows them), or make room there",
      cause,
    },
  );
}

function placeOf(thrown: Error): string {
  if (thrown instanceof SyscallError) return thrown.object;
  return "path" in thrown && typeof thrown.path === "string" ? thrown.path : "";
}

/** What a tree can hold that has no place in an archive or a layer. */
import { TiffinError } from "../../lib/errors.ts";
import { depthLimit } from "./tree-node.ts";

export function tooDeep(path: string): TiffinError {
  const text = `${JSON.stringify(shortened(path))} has more than ${depthLimit} directories one in another`;
  return new TiffinError("invalid", "archive.too-deep", text, {
    remedy: "remove that directory, or move it further up",
  });
}

export function reservedName(path: string): TiffinError {
  const text = `/${shortened(path)} cannot be in an image's layer: a name that begins with .wh. says there that a file is removed`;
  return new TiffinError("invalid", "archive.reserved-name", text, { remedy: "rename or remove the file" });
}

const shownCharacters = 200;

function shortened(path: string): string {
  return path.length <= shownCharacters ? path : `${path.slice(0, shownCharacters)}...`;
}

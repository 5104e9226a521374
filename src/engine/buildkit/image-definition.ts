/**
 * What was built, as a graph that a client can hand in again: one source, the image by its id. So the result of one build is the
 * context of another, without the client knowing how it was made.
 */
import { createHash } from "node:crypto";
import { type Definition, definition, operation, operationNotes } from "../../buildkit/mod.ts";

const scheme = "docker-image://";

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** @param id Of an image of this engine. */
export function imageDefinition(id: string): Definition {
  const source = operation.encode({ source: { identifier: `${scheme}${id}`, attributes: new Map() } });
  // The last operation names the output that is meant.
  const last = operation.encode({ inputs: [{ digest: digestOf(source), index: 0 }] });
  // A definition without notes counts as none.
  const notes = new Map([[digestOf(source), operationNotes.of({})]]);
  return definition.of({ operations: [source, last], notes });
}

/** The image that such a graph stands for; undefined: it is another graph. */
export function imageOfDefinition({ operations }: Definition): string | undefined {
  const sources = operations
    .map((bytes) => operation.decode(bytes))
    .filter(({ inputs }) => inputs.length === 0);
  const [only] = sources;
  if (
    operations.length !== 2 ||
    sources.length !== 1 ||
    only?.source?.identifier.startsWith(scheme) !== true
  ) {
    return undefined;
  }
  return only.source.identifier.slice(scheme.length);
}

/**
 * What creation decides about a container and nothing changes, in memory and as JSON on disk. On disk it says its version:
 *
 *   1  Docker's two documents, the mounts, what was asked of the network; the specification is made of them when it is read
 *   2  the specification, and beside it Docker's documents, or null
 */
import { decoderKit } from "../../../lib/decoders.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { type DockerDocuments, decodeFirstDocument, storedDocuments } from "../docker/mod.ts";
import { type ContainerSpecification, containerSpecification } from "../specification/mod.ts";

export interface ContainerDocument {
  readonly image: { readonly id: string; readonly reference: string; readonly chain: readonly string[] };
  /** First id of its user namespace's range on the host; null without one. */
  readonly firstHostId: number | null;
  readonly specification: ContainerSpecification;
  /** As a client of Docker's API asked for it, for inspect alone; null when none did. */
  readonly docker: DockerDocuments | null;
}

/** The decoders of rows. */
export const rowKit = decoderKit({
  code: "container.row",
  whole: "row of a container",
  shownLength: 60,
  limitElements: 1 << 20,
  allowsNul: true,
  nullIsEmpty: true,
});
const { integer, list, nullable, object, text } = rowKit;

export const documentVersion = 2;

const second = object({
  image: object({ id: text, reference: text, chain: list(text) }),
  firstHostId: nullable(integer),
  specification: containerSpecification,
  docker: nullable(storedDocuments),
});

const versioned = object({ version: integer });

/** For `formatExactJson`. */
export function encodeDocument(document: ContainerDocument): unknown {
  const { image, firstHostId, specification, docker } = document;
  return { version: documentVersion, image, firstHostId, specification, docker };
}

/** Errors: `container.row` and those of the documents in it. */
export function decodeDocument(value: unknown): ContainerDocument {
  const { version } = versioned(value, "document");
  switch (version) {
    case 1: {
      const { documents, ...document } = decodeFirstDocument(value, "document");
      return { ...document, docker: documents };
    }
    case documentVersion:
      return second(value, "document");
    default:
      throw new TiffinError(
        "invalid",
        "container.row",
        `no version ${version} of a container's document is known`,
      );
  }
}

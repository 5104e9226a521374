/** `layer.json`: what is known of a layer besides its content. */
import { TiffinError } from "../../lib/errors.ts";

/** Owner and mode of a layer's top directory, which a container's upper directory must repeat. */
export interface TopDirectory {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Undefined of layers that were stored before their tar's skeleton was kept. */
type TarBytes = number | undefined;

export type LayerDescription =
  | {
      readonly kind: "directory";
      readonly bytes: number;
      readonly tarBytes: TarBytes;
      /** What its files take on disk; undefined of layers that were stored before this was kept. */
      readonly diskBytes?: number | undefined;
    }
  | {
      readonly kind: "image";
      readonly bytes: number;
      readonly tarBytes: TarBytes;
      readonly imageBytes: number;
      readonly checkSum: string;
      readonly top: TopDirectory;
    };

const directoryVersion = 1;
const imageVersion = 2;
const badDescription = "layer.bad-description";

export function encodeLayerDescription(description: LayerDescription): string {
  const { kind, ...rest } = description;
  return JSON.stringify({ version: kind === "directory" ? directoryVersion : imageVersion, ...rest });
}

export function decodeLayerDescription(text: string): LayerDescription {
  const value: unknown = JSON.parse(text);
  const bytes = numberOf(value, "bytes");
  const version = numberOf(value, "version");
  const tarBytes = numberOf(value, "tarBytes");
  if (version === directoryVersion && bytes !== undefined) {
    return { kind: "directory", bytes, tarBytes, diskBytes: numberOf(value, "diskBytes") };
  }
  const imageBytes = numberOf(value, "imageBytes");
  const checkSum = fieldOf(value, "checkSum");
  const top = fieldOf(value, "top");
  const mode = numberOf(top, "mode");
  const uid = numberOf(top, "uid");
  const gid = numberOf(top, "gid");
  if (
    version !== imageVersion ||
    bytes === undefined ||
    imageBytes === undefined ||
    typeof checkSum !== "string" ||
    mode === undefined ||
    uid === undefined ||
    gid === undefined
  ) {
    throw new TiffinError(
      "internal",
      badDescription,
      `layer description is not of version ${directoryVersion} or ${imageVersion}`,
    );
  }
  return { kind: "image", bytes, tarBytes, imageBytes, checkSum, top: { mode, uid, gid } };
}

/** Of what `decodeLayerDescription` throws. */
export function isBadDescription(thrown: unknown): boolean {
  return thrown instanceof SyntaxError || (thrown instanceof TiffinError && thrown.code === badDescription);
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}

function numberOf(value: unknown, name: string): number | undefined {
  const field = fieldOf(value, name);
  return typeof field === "number" ? field : undefined;
}

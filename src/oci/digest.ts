/** Digests: the names of content. Only algorithms that can be computed here are digests at all; others are refused. Pure. */

export const digestAlgorithms = ["sha256", "sha384", "sha512"] as const;
export type DigestAlgorithm = (typeof digestAlgorithms)[number];

export interface Digest {
  readonly algorithm: DigestAlgorithm;
  /** Lowercase digits. */
  readonly hex: string;
}

/** Hex digits of each. */
const hexDigits: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha384: 96, sha512: 128 };
const hexPattern = /^[0-9a-f]+$/;

/** The parts of `sha256:<64 hex digits>`; undefined for anything that is no digest. */
export function parseDigest(text: string): Digest | undefined {
  const colon = text.indexOf(":");
  const algorithm = digestAlgorithms.find((each) => each === text.slice(0, colon));
  const hex = text.slice(colon + 1);
  if (algorithm === undefined || hex.length !== hexDigits[algorithm] || !hexPattern.test(hex)) {
    return undefined;
  }
  return { algorithm, hex };
}

export function isDigest(text: string): boolean {
  return parseDigest(text) !== undefined;
}

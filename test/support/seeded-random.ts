/** Random choices that can be made again: each name gives a sequence of its own, whatever the others have drawn. */

/** A whole number from 0 to `below` - 1. */
export type Draw = (below: number) => number;

const bits32 = 4_294_967_296;

/** The seed of a run: the one given in the environment, or a fresh one. */
export function seedOf(given: string | undefined): number {
  if (given !== undefined && given !== "") return Number(given);
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}

/** The sequence of `name` under `seed`. */
export function drawOf(seed: number, name: string): Draw {
  // FNV-1a of both, so that neighbours have nothing in common; then a Weyl sequence, mixed.
  let state = 2_166_136_261;
  for (const letter of `${seed}/${name}`) state = Math.imul(state ^ letter.charCodeAt(0), 16_777_619);
  return (below) => {
    state = (state + 0x9e37_79b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0_aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97);
    return Math.floor((((mixed ^ (mixed >>> 15)) >>> 0) / bits32) * below);
  };
}

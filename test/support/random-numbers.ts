/** A whole number from 0 up to, but without, `below`. */
export type Numbers = (below: number) => number;

/** Numbers that follow from a seed. (Marsaglia's xorshift) */
export function numbersFrom(seed: number): Numbers {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

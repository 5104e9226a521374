/** A sentence with places for values: `{0}` is the first of them. As a type, whatever the values are. */
export type Filled<T extends string> = T extends `${infer Before}{${number}}${infer After}`
  ? `${Before}${string}${Filled<After>}`
  : T;

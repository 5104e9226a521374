/** The layouts of all ops: for the decoder, the generator and tests. A start needs only those in its plan. */
import { layoutOf, type OpLayout } from "./layout.ts";
import { type OpName, ops } from "./schema.ts";

// Object.keys loses the key type; the keys are exactly those of `ops`.
const names = Object.keys(ops) as OpName[];

export const layouts: ReadonlyMap<string, OpLayout> = new Map(
  names.flatMap((name) => {
    const layout = layoutOf(name);
    return layout === undefined ? [] : [[name, layout] as const];
  }),
);

export const layoutsByCode: ReadonlyMap<number, OpLayout> = new Map(
  [...layouts.values()].map((layout) => [layout.schema.code, layout]),
);

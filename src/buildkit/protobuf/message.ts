/** Messages of protobuf as tables of their fields: types, readers and writers come from the table. */
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { TiffinError } from "../../lib/errors.ts";
import { own } from "../../lib/own.ts";
import { badMessage, type Field, type Nested } from "./field.ts";

export type Fields = Readonly<Record<string, Field<unknown>>>;
export type ValuesOf<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

export interface Message<V> extends Nested<V> {
  /** Everything is there: what was not said is its type's zero. Fields that nobody knows are passed over. Errors: `buildkit.message`. */
  decode(bytes: Uint8Array): V;
  encode(value: Partial<V>): Uint8Array;
  /** The whole of a value of which only a part is said. */
  of(value: Partial<V>): V;
}
/** What a message's values are. */
export type Of<M> = M extends Message<infer V> ? V : never;

export function message<F extends Fields>(fields: F): Message<ValuesOf<F>> {
  type V = ValuesOf<F>;
  const rows = Object.entries(fields);
  const byNumber = new Map(rows.map(([name, field]) => [field.number, { name, field }] as const));
  const empty = (): Record<string, unknown> => {
    const values: Record<string, unknown> = {};
    for (const [name, field] of rows) values[name] = field.initial();
    return values;
  };
  const readFrom = (reader: BinaryReader, endsAt: number): V => {
    const values = empty();
    while (reader.pos < endsAt) {
      const [number, wire] = reader.tag();
      const row = byNumber.get(number);
      if (row === undefined) reader.skip(wire, number);
      else values[row.name] = row.field.read(reader, wire, own(values, row.name));
    }
    if (reader.pos !== endsAt) throw badMessage("a part is longer than it says");
    // Every field of the table has been given a value of its type.
    return values as V;
  };
  const writeTo = (writer: BinaryWriter, value: Partial<V>): void => {
    for (const [name, field] of rows) {
      const one = value[name];
      if (one !== undefined) field.write(writer, one);
    }
  };
  return {
    empty: () => empty() as V,
    readFrom,
    writeTo,
    of: (value) => ({ ...(empty() as V), ...value }),
    decode(bytes) {
      try {
        return readFrom(new BinaryReader(bytes), bytes.length);
      } catch (thrown) {
        // The library throws RangeError at an early end, and Error at what is no protobuf.
        if (thrown instanceof TiffinError || !(thrown instanceof Error)) throw thrown;
        throw badMessage(thrown.message);
      }
    },
    encode(value) {
      const writer = new BinaryWriter();
      writeTo(writer, value);
      return writer.finish();
    },
  };
}

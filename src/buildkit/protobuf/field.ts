/**
 * Fields of protobuf messages as values: number, form on the wire, and how one value is read and written. The bytes themselves
 * are left to a protobuf library. As proto3 has it, a field that is not there has its type's zero, and a zero is not written.
 */
import { type BinaryReader, type BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { TiffinError } from "../../lib/errors.ts";

export interface Field<T> {
  readonly number: number;
  /** What it is when nothing was said. */
  initial(): T;
  /** Takes one occurrence; `before` is what earlier ones came to. */
  read(reader: BinaryReader, wire: WireType, before: T): T;
  write(writer: BinaryWriter, value: T): void;
}

/** What a message is to those that contain it. */
export interface Nested<V> {
  readFrom(reader: BinaryReader, endsAt: number): V;
  writeTo(writer: BinaryWriter, value: V): void;
  readonly empty: () => V;
}

/** One kind of value that needs no message of its own. */
interface Scalar<T> {
  readonly wire: WireType;
  readonly zero: T;
  read(reader: BinaryReader): T;
  write(writer: BinaryWriter, value: T): void;
}

export function badMessage(what: string): TiffinError {
  return new TiffinError("invalid", "buildkit.message", `invalid protobuf message: ${what}`);
}

/** Sizes and counts beyond 2^53 are nobody's. */
function exact(value: bigint | string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw badMessage(`the number ${value} is out of range`);
  return number;
}

const nothing = new Uint8Array(0);

const scalars = {
  text: {
    wire: WireType.LengthDelimited,
    zero: "",
    read: (reader) => reader.string(),
    write: (writer, value) => void writer.string(value),
  } satisfies Scalar<string>,
  bytes: {
    wire: WireType.LengthDelimited,
    zero: nothing as Uint8Array,
    read: (reader) => reader.bytes(),
    write: (writer, value) => void writer.bytes(value),
  } satisfies Scalar<Uint8Array>,
  flag: {
    wire: WireType.Varint,
    zero: false as boolean,
    read: (reader) => reader.bool(),
    write: (writer, value) => void writer.bool(value),
  } satisfies Scalar<boolean>,
  int32: {
    wire: WireType.Varint,
    zero: 0 as number,
    read: (reader) => reader.int32(),
    write: (writer, value) => void writer.int32(value),
  } satisfies Scalar<number>,
  uint32: {
    wire: WireType.Varint,
    zero: 0 as number,
    read: (reader) => reader.uint32(),
    write: (writer, value) => void writer.uint32(value),
  } satisfies Scalar<number>,
  /** 64 bits on the wire, a number here. */
  integer: {
    wire: WireType.Varint,
    zero: 0 as number,
    read: (reader) => exact(reader.int64()),
    write: (writer, value) => void writer.int64(value),
  } satisfies Scalar<number>,
  /** 64 bits on the wire, here too: times in nanoseconds. */
  int64: {
    wire: WireType.Varint,
    zero: 0n as bigint,
    read: (reader) => BigInt(reader.int64()),
    write: (writer, value) => void writer.int64(value),
  } satisfies Scalar<bigint>,
};

function isZero<T>(scalar: Scalar<T>, value: T): boolean {
  return value === scalar.zero || (value instanceof Uint8Array && value.length === 0);
}

function checkWire(wire: WireType, wanted: WireType, number: number): void {
  if (wire !== wanted) throw badMessage(`field ${number} has the wrong type`);
}

function single<T>(number: number, scalar: Scalar<T>): Field<T> {
  return {
    number,
    initial: () => scalar.zero,
    read(reader, wire) {
      checkWire(wire, scalar.wire, number);
      return scalar.read(reader);
    },
    write(writer, value) {
      if (isZero(scalar, value)) return;
      writer.tag(number, scalar.wire);
      scalar.write(writer, value);
    },
  };
}

function repeated<T>(number: number, scalar: Scalar<T>): Field<readonly T[]> {
  return {
    number,
    initial: () => [],
    read(reader, wire, before) {
      const values = grown(before);
      if (wire === WireType.LengthDelimited && scalar.wire === WireType.Varint) {
        // Packed: several values in one occurrence.
        const endsAt = endOf(reader);
        while (reader.pos < endsAt) values.push(scalar.read(reader));
        return values;
      }
      checkWire(wire, scalar.wire, number);
      values.push(scalar.read(reader));
      return values;
    },
    write(writer, values) {
      for (const value of values) {
        writer.tag(number, scalar.wire);
        scalar.write(writer, value);
      }
    },
  };
}

/** The list of earlier occurrences belongs to the message that is being read. */
function grown<T>(before: readonly T[]): T[] {
  return before as T[];
}

/** Reads the length of what follows: where it ends. */
export function endOf(reader: BinaryReader): number {
  const length = reader.uint32();
  const endsAt = reader.pos + length;
  if (endsAt > reader.len) throw badMessage("a part is longer than the whole");
  return endsAt;
}

function readNested<V>(reader: BinaryReader, wire: WireType, number: number, nested: Nested<V>): V {
  checkWire(wire, WireType.LengthDelimited, number);
  return nested.readFrom(reader, endOf(reader));
}

function writeNested<V>(writer: BinaryWriter, number: number, nested: Nested<V>, value: V): void {
  writer.tag(number, WireType.LengthDelimited).fork();
  nested.writeTo(writer, value);
  writer.join();
}

/** A key and a value, which a map is a list of. */
function readPair<V>(reader: BinaryReader, value: Field<V>): readonly [string, V] {
  const endsAt = endOf(reader);
  let key = "";
  let found = value.initial();
  while (reader.pos < endsAt) {
    const [number, wire] = reader.tag();
    if (number === 1) {
      if (wire === WireType.Varint) key = reader.int64().toString();
      else key = reader.string();
    } else if (number === 2) found = value.read(reader, wire, found);
    else reader.skip(wire, number);
  }
  if (reader.pos !== endsAt) throw badMessage("a pair is longer than it says");
  return [key, found];
}

function map<V>(number: number, value: Field<V>): Field<ReadonlyMap<string, V>> {
  return {
    number,
    initial: () => new Map<string, V>(),
    read(reader, wire, before) {
      checkWire(wire, WireType.LengthDelimited, number);
      // Like a list, it belongs to the message that is being read.
      const values = before as Map<string, V>;
      values.set(...readPair(reader, value));
      return values;
    },
    write(writer, values) {
      for (const [key, one] of values) {
        writer.tag(number, WireType.LengthDelimited).fork();
        writer.tag(1, WireType.LengthDelimited).string(key);
        value.write(writer, one);
        writer.join();
      }
    },
  };
}

/** Makers of fields, by type; the argument is the field's number. */
export const field = {
  text: (number: number) => single(number, scalars.text),
  bytes: (number: number) => single(number, scalars.bytes),
  flag: (number: number) => single(number, scalars.flag),
  int32: (number: number) => single(number, scalars.int32),
  uint32: (number: number) => single(number, scalars.uint32),
  integer: (number: number) => single(number, scalars.integer),
  int64: (number: number) => single(number, scalars.int64),
  texts: (number: number) => repeated(number, scalars.text),
  chunks: (number: number) => repeated(number, scalars.bytes),
  uint32s: (number: number) => repeated(number, scalars.uint32),
  integers: (number: number) => repeated(number, scalars.integer),
  textMap: (number: number) => map(number, single(2, scalars.text)),
  bytesMap: (number: number) => map(number, single(2, scalars.bytes)),
  flagMap: (number: number) => map(number, single(2, scalars.flag)),
  /** A message that may be absent. */
  message: <V>(number: number, nested: Nested<V>): Field<V | undefined> => ({
    number,
    initial: () => undefined,
    read: (reader, wire) => readNested(reader, wire, number, nested),
    write(writer, value) {
      if (value !== undefined) writeNested(writer, number, nested, value);
    },
  }),
  messages: <V>(number: number, nested: Nested<V>): Field<readonly V[]> => ({
    number,
    initial: () => [],
    read(reader, wire, before) {
      const values = grown(before);
      values.push(readNested(reader, wire, number, nested));
      return values;
    },
    write(writer, values) {
      for (const value of values) writeNested(writer, number, nested, value);
    },
  }),
  messageMap: <V>(number: number, nested: Nested<V>) =>
    map(number, {
      number: 2,
      initial: nested.empty,
      read: (reader, wire) => readNested(reader, wire, 2, nested),
      write: (writer, value) => writeNested(writer, 2, nested, value),
    } satisfies Field<V>),
};

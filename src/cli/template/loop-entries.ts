/** What a loop goes over. Pure. */
import { goPrint } from "./printf.ts";
import { entriesOf, GoValue, integerOf, kindOf, listOf } from "./value.ts";

type Entries = Iterable<readonly [key: unknown, item: unknown]>;

/** Keys and items of a list, a map or a count, for a loop that declares so many variables; a text when there can be no loop. */
export function loopEntries(value: unknown, declared: number): Entries | string {
  switch (kindOf(value)) {
    case "invalid":
      return [];
    case "slice":
      return [...listOf(value).entries()];
    case "map":
      return entriesOf(value);
    case "int":
    case "uint": {
      if (declared > 1) return `can't use ${goPrint(value)} to iterate over more than one variable`;
      return counted(value);
    }
    default:
      return `range can't iterate over ${goPrint(value)}`;
  }
}

/** One after the other: a size in bytes is a count of millions. */
function* counted(value: unknown): Entries {
  const count = integerOf(value);
  for (let index = 0; index < count; index += 1)
    yield [undefined, value instanceof GoValue ? new GoValue(value.type, index) : index];
}

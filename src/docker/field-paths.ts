/**
 * The fields of a document by path, taken from its decoder: `HostConfig.Mounts[].BindOptions.Propagation`, `[]` for each
 * element of a list and `{}` for each value of a map. Pure.
 */
import { type Decoder, structureOf } from "./decode.ts";

/** All paths of values that are no objects with fields of their own. */
export function fieldPaths(decoder: Decoder<unknown>, path = ""): string[] {
  const structure = structureOf(decoder);
  if (structure === undefined) return [path];
  if (structure.kind !== "object") {
    const below = fieldPaths(structure.element, `${path}${structure.kind === "list" ? "[]" : "{}"}`);
    // A list of plain values is one field.
    return structureOf(structure.element) === undefined ? [path] : below;
  }
  return Object.entries(structure.fields).flatMap(([name, field]) =>
    fieldPaths(
      typeof field === "function" ? field : field.whenPresent,
      path === "" ? name : `${path}.${name}`,
    ),
  );
}

/** A reader of every value at `path` in a decoded document. */
export function valuesAt(path: string): (document: unknown) => unknown[] {
  const steps = path.split(/\.|(?=\[\])|(?=\{\})/);
  return (document) =>
    steps.reduce<unknown[]>((found, step) => found.flatMap((each) => below(each, step)), [document]);
}

function below(value: unknown, step: string): readonly unknown[] {
  if (typeof value !== "object" || value === null) return [];
  if (step === "[]") return Array.isArray(value) ? value : [];
  if (step === "{}") return Object.values(value);
  const own = Object.getOwnPropertyDescriptor(value, step);
  return own === undefined ? [] : [own.value];
}

/** What Go calls the zero value, and what asks for nothing: absent, null, false, 0, "", [] and {}. */
export function isZero(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === "") return true;
  if (value === 0 || value === 0n) return true;
  if (typeof value !== "object") return false;
  return Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0;
}

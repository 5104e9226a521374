import { expect, test } from "bun:test";
import { bodySections } from "./body-sections.ts";
import { containerFlags } from "./container-flags.ts";

/** Read by `create-body.ts` itself or by the commands. */
const elsewhere = [
  "attach",
  "cidfile",
  "disable-content-trust",
  "entrypoint",
  "init",
  "interactive",
  "name",
  "platform",
  "pull",
  "quiet",
  "rm",
  "tty",
];

test("every option of run and create is read by a section of the body, or is known to be read elsewhere", () => {
  const read = bodySections.flatMap(({ options }): string[] => [...options]);
  expect([...read, ...elsewhere].toSorted()).toEqual(Object.keys(containerFlags).toSorted());
});

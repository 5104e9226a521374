import { expect, test } from "bun:test";
import { existsSync, mkdirSync } from "node:fs";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.ts";
import { plainSpecification } from "../specification/plain.ts";
import { containerOfRow } from "./registry.ts";
import { RowFiles } from "./row-files.ts";

const document = {
  image: { id: "sha256:1", reference: "base", chain: [] },
  firstHostId: null,
  specification: plainSpecification,
  docker: null,
};

const containerOf = (id: string) =>
  containerOfRow({ id, name: id, createdMs: 1, document, state: { status: "created" }, restarts: 0 });

test("the row of a container that was dropped is not written beside files that are about to go", () => {
  using directory = temporaryDirectory("rows");
  const reported: unknown[] = [];
  using files = new RowFiles(
    (id) => `${directory.path}/${id}`,
    (thrown) => reported.push(thrown),
  );
  const [gone, there] = [containerOf("gone"), containerOf("there")];
  for (const { id } of [gone, there]) mkdirSync(`${directory.path}/${id}`);
  files.note(gone);
  files.note(there);
  files.forget(gone);
  files.flush();
  expect(existsSync(`${directory.path}/gone/container.json`)).toBe(false);
  expect(existsSync(`${directory.path}/there/container.json`)).toBe(true);
  expect(reported).toEqual([]);
});

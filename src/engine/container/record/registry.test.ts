import { Database } from "bun:sqlite";
import { beforeEach, expect, test } from "bun:test";
import { TiffinError } from "../../../lib/errors.ts";
import { migrate } from "../../store/mod.ts";
import { plainSpecification } from "../specification/plain.ts";
import type { ContainerDocument } from "./document.ts";
import { ContainerRegistry } from "./registry.ts";
import { type ContainerRepository, containerRepository } from "./repository.ts";

const document: ContainerDocument = {
  image: { id: "sha256:1", reference: "base", chain: [] },
  firstHostId: null,
  specification: plainSpecification,
  docker: null,
};
const idA = `ab${"1".repeat(62)}`;
const idB = `ab${"2".repeat(62)}`;

let repository: ContainerRepository;
let registry: ContainerRegistry;
beforeEach(() => {
  const database = new Database(":memory:", { strict: true });
  migrate(database, "memory");
  repository = containerRepository(database);
  registry = new ContainerRegistry(repository);
  registry.add(idA, "one", 1, document);
  registry.add(idB, "two", 2, document);
});

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (thrown) {
    return thrown instanceof TiffinError ? `${thrown.kind} ${thrown.code}` : String(thrown);
  }
  return "no error";
}

test("a container is found by id, unambiguous prefix, and name with or without slash", () => {
  for (const reference of [idA, "ab1", "one", "/one"]) expect(registry.resolve(reference).id).toBe(idA);
  expect(codeOf(() => registry.resolve("ab"))).toBe("invalid container.ambiguous");
  expect(codeOf(() => registry.resolve("abc"))).toBe("notFound container.not-found");
  expect(codeOf(() => registry.resolve(""))).toBe("invalid container.name-empty");
});

test("a name that is reserved, used or given back", () => {
  expect(codeOf(() => registry.reserve("one", "x"))).toBe("conflict container.name-taken");
  {
    using _name = registry.reserve("three", "y");
    expect(codeOf(() => registry.reserve("three", "z"))).toBe("conflict container.name-taken");
  }
  registry.reserve("three", "z")[Symbol.dispose]();
});

test("a name moves with a rename, and everything survives a restart", () => {
  const container = registry.resolve("one");
  expect(codeOf(() => registry.rename(container, "two"))).toBe("conflict container.name-taken");
  registry.rename(container, "uno");
  expect(codeOf(() => registry.resolve("one"))).toBe("notFound container.not-found");
  registry.setState(container, { status: "starting", token: "t", endpoints: [], ports: [], before: null });
  registry.drop(registry.resolve("two"));
  const again = new ContainerRegistry(repository);
  expect([...again.all()].map((each) => [each.name, each.state.status])).toEqual([["uno", "starting"]]);
  expect(again.resolve("uno").document).toEqual(document);
});

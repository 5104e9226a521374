/**
 * Every field of a create body with every odd value: what is accepted is a specification that can be read back from disk
 * as it was written, beside the documents that inspect gives back; what is not is refused in words.
 */
import { expect, test } from "bun:test";
import { decodeJson } from "../../src/docker/decode.ts";
import { type ContainerCreateBody, containerCreateBody } from "../../src/docker/types/container.ts";
import { decodeCreateBody } from "../../src/engine/container/docker/mod.ts";
import {
  type ContainerDocument,
  decodeDocument,
  encodeDocument,
} from "../../src/engine/container/record/document.ts";
import { specOf } from "../../src/engine/container/runtime-spec/mod.ts";
import { checkSpecification, containerSpecification } from "../../src/engine/container/specification/mod.ts";
import { richSpecification } from "../../src/engine/container/specification/testing/rich-specification.ts";
import { probe } from "../../src/kernel/probe.ts";
import { TiffinError } from "../../src/lib/errors.ts";
import { formatExactJson, parseExactJson } from "../../src/lib/exact-json.ts";
import { compileContainer } from "../../src/plan/mod.ts";
import { oddCases } from "./creations.ts";
import { oddScalars, oddStructures } from "./odd-values.ts";

const facts = probe();
const around = {
  id: "c0ffee".padEnd(64, "0"),
  image: { Cmd: ["true"] },
  hostname: "host",
  remove: false,
  cgroupMode: "v1" as const,
};

function documentOf(body: string): ContainerDocument | undefined {
  try {
    const decoded: ContainerCreateBody = decodeJson(body, containerCreateBody);
    const { specification, documents } = decodeCreateBody(decoded, around);
    checkSpecification(specification, facts);
    return {
      image: { id: "sha256:1", reference: "base", chain: [] },
      firstHostId: null,
      specification,
      docker: documents,
    };
  } catch (thrown) {
    if (thrown instanceof TiffinError && thrown.kind !== "internal") return undefined;
    throw thrown;
  }
}

test("what is accepted is read back as it was written", () => {
  let accepted = 0;
  const cases = oddCases(containerCreateBody, '"Image":"base"');
  for (const { body } of cases) {
    const document = documentOf(body);
    if (document === undefined) continue;
    accepted += 1;
    const written = formatExactJson(encodeDocument(document));
    const read = decodeDocument(parseExactJson(written));
    const again = formatExactJson(encodeDocument(read));
    expect(parseExactJson(again), body).toEqual(parseExactJson(written));
  }
  expect(accepted).toBeGreaterThan(cases.length / 10);
});

type Path = readonly (string | number)[];

/** Every place in a value, itself first. */
function placesOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  const inner = Array.isArray(value)
    ? value.map((item, index) => [index, item] as const)
    : Object.entries(value);
  return [path, ...inner.flatMap(([key, item]) => placesOf(item, [...path, key]))];
}

/** JSON text of `value` with `odd` at the place. */
function withAt(value: unknown, [key, ...rest]: Path, odd: string): string {
  if (key === undefined) return odd;
  if (Array.isArray(value)) {
    return `[${value.map((item, at) => (at === key ? withAt(item, rest, odd) : formatExactJson(item))).join(",")}]`;
  }
  const fields = Object.entries(value ?? {}).map(
    ([name, item]) =>
      `${JSON.stringify(name)}:${name === key ? withAt(item, rest, odd) : formatExactJson(item)}`,
  );
  return `{${fields.join(",")}}`;
}

function isRefused(work: () => void): boolean {
  try {
    work();
    return false;
  } catch (thrown) {
    if (thrown instanceof TiffinError && thrown.kind !== "internal") return true;
    throw thrown;
  }
}

test("a specification with anything in any of its fields is refused in words, or compiles to a plan", () => {
  let compiled = 0;
  for (const path of placesOf(richSpecification)) {
    for (const odd of [...oddScalars, ...oddStructures]) {
      const text = withAt(richSpecification, path, odd);
      const refused = isRefused(() => {
        const specification = containerSpecification(parseExactJson(text), "");
        checkSpecification(specification, facts);
        const mounts = specification.mounts.map((mount) =>
          mount.kind === "volume"
            ? ({ ...mount, name: mount.volume, source: "/tmp", subpath: "" } as const)
            : mount,
        );
        const spec = specOf(
          {
            specification,
            firstHostId: null,
            user: { uid: 0, gid: 0, additionalGids: [], home: "/" },
            hostname: specification.hostname,
            mounts,
            devices: [],
            deviceNumbers: () => ({ major: 8, minor: 0 }),
            capabilities: specification.security.capabilities,
            joined: {},
            size: specification.process.terminal ?? undefined,
          },
          facts,
        );
        compileContainer(spec, facts, {
          id: around.id,
          cgroupParent: "/tiffin",
          rootfs: {
            kind: "overlay",
            lowers: [{ kind: "directory", path: "/tmp" }],
            upper: "/tmp/u",
            work: "/tmp/w",
          },
          network: { kind: "new" },
          stdio: { kind: "pipes", stdin: false },
          supervise: { kind: "supervise", stdinOnce: false, attachClients: [] },
        });
      });
      if (!refused) compiled += 1;
    }
  }
  expect(compiled).toBeGreaterThan(100);
});

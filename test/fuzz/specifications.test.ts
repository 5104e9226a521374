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
import { checkSpecification } from "../../src/engine/container/specification/mod.ts";
import { probe } from "../../src/kernel/probe.ts";
import { TiffinError } from "../../src/lib/errors.ts";
import { formatExactJson, parseExactJson } from "../../src/lib/exact-json.ts";
import { oddCases } from "./creations.ts";

const facts = probe();
const around = { id: "c0ffee".padEnd(64, "0"), image: { Cmd: ["true"] }, hostname: "host", remove: false };

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

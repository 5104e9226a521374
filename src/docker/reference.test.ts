import { expect, test } from "bun:test";
import { TiffinError } from "../lib/errors.ts";
import { familiarName, normaliseReference, parseReference } from "./reference.ts";

const hex64 = "0123456789abcdef".repeat(4);

test.each([
  ["base", "docker.io/library/base:latest", "base:latest"],
  ["base:1.0", "docker.io/library/base:1.0", "base:1.0"],
  ["me/app", "docker.io/me/app:latest", "me/app:latest"],
  ["docker.io/base", "docker.io/library/base:latest", "base:latest"],
  ["index.docker.io/library/base", "docker.io/library/base:latest", "base:latest"],
  ["localhost/app", "localhost/app:latest", "localhost/app:latest"],
  ["localhost:5000/app:v1", "localhost:5000/app:v1", "localhost:5000/app:v1"],
  ["[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"],
  ["quay.io/a/b_c/d--e", "quay.io/a/b_c/d--e:latest", "quay.io/a/b_c/d--e:latest"],
  ["HOST/app", "HOST/app:latest", "HOST/app:latest"],
  [`base@sha256:${hex64}`, `docker.io/library/base@sha256:${hex64}`, `base@sha256:${hex64}`],
  [`base:t@sha256:${hex64}`, `docker.io/library/base:t@sha256:${hex64}`, `base:t@sha256:${hex64}`],
])("%s is stored as %s and shown as %s", (text, full, familiar) => {
  const reference = parseReference(text);
  expect(normaliseReference(reference)).toBe(full);
  expect(familiarName(reference)).toBe(familiar);
});

test.each([
  ["", "invalid reference format"],
  [":tag", "invalid reference format"],
  ["base:", "invalid reference format"],
  ["base:-x", "invalid reference format"],
  ["base@sha256:12", "invalid reference format"],
  ["a//b", "invalid reference format"],
  ["../etc", "invalid reference format"],
  ["a b", "invalid reference format"],
  ["base\n", "invalid reference format"],
  ["Base", "invalid reference format: repository name (library/Base) must be lowercase"],
  [hex64, `invalid repository name (${hex64}), cannot specify 64-byte hexadecimal strings`],
  ["a".repeat(250), "invalid reference format: repository name must not be more than 255 characters"],
])("%j is refused", (text, message) => {
  let thrown: unknown;
  try {
    parseReference(text);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(TiffinError);
  expect(thrown).toMatchObject({ kind: "invalid", code: "image.bad-reference", message });
});

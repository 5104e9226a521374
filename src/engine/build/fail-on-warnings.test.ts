/** Warnings of a Dockerfile's checks as the end of its build. */
import { expect, test } from "bun:test";
import { parseDockerfile } from "../../docker/dockerfile/parse-dockerfile.ts";
import { failOnWarnings } from "./fail-on-warnings.ts";

function fail(text: string, argument?: string): void {
  const read = { file: parseDockerfile(text), name: "Dockerfile", ignored: ["left-out"] };
  failOnWarnings(read, (name) => (name === "BUILDKIT_DOCKERFILE_CHECK" ? argument : undefined));
}

test("warnings end a build that wants it, and no other", () => {
  const text = "FROM a AS B\nCOPY left-out /";
  expect(() => fail(text)).not.toThrow();
  expect(() => fail(`# check=error=true\n${text}`)).toThrow(
    "lint violation found for rules: CopyIgnoredFile, StageNameCasing\n- StageNameCasing: Stage name 'B' should be lowercase (line 2)",
  );
  expect(() => fail(text, "error=true;skip=all")).not.toThrow();
  expect(() => fail(text, "error=maybe")).toThrow("invalid check");
});

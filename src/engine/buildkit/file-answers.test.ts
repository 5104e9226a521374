/** What a Dockerfile wants and offers, in BuildKit's words. */
import { expect, test } from "bun:test";
import { checkDockerfile } from "../../docker/dockerfile/check-dockerfile.ts";
import { parseDockerfile } from "../../docker/dockerfile/parse-dockerfile.ts";
import { answerTo } from "./file-answers.ts";

const decoder = new TextDecoder();
const text = `ARG GO=1.22
# build makes the program
FROM golang:$GO AS build
# MODE is how it is made
ARG MODE=fast
ARG MODE
RUN --mount=type=secret,id=key,required --mount=type=cache,target=/c --mount=type=ssh true
FROM build AS unused
ARG NEVER
FROM --platform=linux/arm64 scratch
COPY --from=build /a /a
`;

function asked(question: string, target = "", given: Readonly<Record<string, string>> = {}) {
  const file = parseDockerfile(text);
  const { warnings, failing } = checkDockerfile(file, { arguments: () => undefined, ignores: () => false });
  const checked = { file, name: "Dockerfile", lines: file.lines, warnings, failing };
  const found = answerTo(question)?.(checked, { target, arguments: (name) => given[name] });
  const part = (name: string): string => decoder.decode(found?.get(name));
  return {
    document: JSON.parse(part("result.json") || "null"),
    text: part("result.txt"),
    version: part("version"),
  };
}

const at = (first: number, last = first) => ({
  ranges: [{ start: { line: first }, end: { line: last } }],
});

test("an outline has what the wanted stages take: arguments with their values, secrets, agents and caches", () => {
  const { document, text: shown, version } = asked("frontend.outline", "", { MODE: "slow" });
  expect(version).toBe("1.0.0");
  expect({ ...document, sources: undefined }).toEqual({
    args: [
      { name: "GO", value: "1.22", location: at(1) },
      { name: "MODE", value: "slow", description: "is how it is made", location: at(5) },
    ],
    secrets: [{ name: "key", required: true, location: at(7) }],
    ssh: [{ name: "default", location: at(7) }],
    cache: [{ ID: "/c", location: at(7) }],
    sources: undefined,
  });
  expect(Buffer.from(document.sources[0], "base64").toString()).toBe(text);
  expect(shown).toBe(
    "BUILD ARG   VALUE   DESCRIPTION\nGO          1.22    \nMODE        slow    is how it is made\n\n" +
      "SECRET   REQUIRED\nkey      true\n\nSSH       REQUIRED\ndefault   \n",
  );
  expect(asked("frontend.outline", "build").text).toStartWith(
    "TARGET:      build\nDESCRIPTION: makes the program\n\n",
  );
  expect(() => asked("frontend.outline", "none")).toThrow(/target stage "none" could not be found/);
});

test("targets are all stages in their order, of which the last is built where nobody says which", () => {
  const { document, text: shown } = asked("frontend.targets");
  expect(document.targets).toEqual([
    { name: "build", description: "makes the program", base: "golang:1.22", location: at(3) },
    { name: "unused", base: "build", location: at(8) },
    { base: "scratch", platform: "linux/arm64", default: true, location: at(10) },
  ]);
  expect(shown).toBe("TARGET      DESCRIPTION\nbuild       makes the program\nunused      \n(default)   \n");
});

test("who asks which questions there are hears of all that are answered, and others are not", () => {
  const names = asked("frontend.subrequests.describe").document.map(({ Name }: { Name: string }) => Name);
  expect(names).toEqual([
    "frontend.lint",
    "frontend.outline",
    "frontend.targets",
    "frontend.subrequests.describe",
  ]);
  expect(answerTo("frontend.other")).toBeUndefined();
});

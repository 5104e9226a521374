/** Dockerfiles as text: directives, comments, continued lines, here-documents, and where each instruction stands. */
import { expect, test } from "bun:test";
import { DockerfileError, hereDocumentText, linesAroundFault, parseDockerfile } from "./parse-dockerfile.ts";

test("directives stand at the top alone", () => {
  const file = parseDockerfile(
    "# syntax = docker/dockerfile:1\n# Escape=`\n\n# check=skip=all\nFROM a`\n  b\n",
  );
  expect(file.syntax).toBe("docker/dockerfile:1");
  expect(file.escape).toBe("`");
  expect(file.check).toBeUndefined();
  expect(file.instructions.map(({ rest }) => rest)).toStrictEqual(["a  b"]);
  expect(() => parseDockerfile("# escape=x\nFROM a")).toThrow("invalid escape token");
  expect(() => parseDockerfile("# escape=`\n# escape=`\nFROM a")).toThrow("only one escape parser directive");
});

test("comments and empty lines go, also within a continued line, and lines are counted", () => {
  const { instructions } = parseDockerfile("# c\nFROM a\n\nRUN x \\\n # no\n\n  y\nCMD z \\");
  expect(
    instructions.map(({ name, rest, firstLine, lastLine }) => ({ name, rest, firstLine, lastLine })),
  ).toStrictEqual([
    { name: "from", rest: "a", firstLine: 2, lastLine: 2 },
    { name: "run", rest: "x   y", firstLine: 4, lastLine: 7 },
    { name: "cmd", rest: "z", firstLine: 8, lastLine: 8 },
  ]);
});

test("flags are taken off before what an instruction says", () => {
  const [copy] = parseDockerfile('COPY --from=x --chown="a b" -- --c /d').instructions;
  expect(copy?.flags).toStrictEqual(["from=x", "chown=a b"]);
  expect(copy?.rest).toBe("--c /d");
});

test("here-documents follow the instruction that names them", () => {
  const text = 'COPY <<A <<-"B" /d/\none $X\nA\n\ttwo\n\tB\nRUN cat <<EOF > /x\n# kept\nEOF\nCMD ["x"]';
  const { instructions } = parseDockerfile(text);
  const [copy, run, last] = instructions;
  expect(copy?.hereDocuments.map(({ name, expand, chomp }) => ({ name, expand, chomp }))).toStrictEqual([
    { name: "A", expand: true, chomp: false },
    { name: "B", expand: false, chomp: true },
  ]);
  expect(copy?.hereDocuments.map(hereDocumentText)).toStrictEqual(["one $X\n", "two\n"]);
  expect(copy?.lastLine).toBe(5);
  expect(run?.tail).toBe("# kept\nEOF\n");
  expect(last?.firstLine).toBe(9);
  expect(() => parseDockerfile("RUN <<EOF\nx")).toThrow("unterminated heredoc");
  expect(parseDockerfile("CMD cat <<EOF").instructions[0]?.hereDocuments).toStrictEqual([]);
});

test("a fault is shown with the lines around it", () => {
  const { lines } = parseDockerfile("FROM a\nRUN b\nRUN c\nRUN d\nRUN e");
  expect(linesAroundFault(lines, { firstLine: 2, lastLine: 2 })).toBe(
    "    1 | FROM a\n>>> 2 | RUN b\n    3 | RUN c\n    4 | RUN d",
  );
});

test("a file without instructions is none", () => {
  expect(() => parseDockerfile("# nothing\n")).toThrow(DockerfileError);
});

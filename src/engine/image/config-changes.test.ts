/** The results and the words of errors are those of dockerd for the same container and the same `--change`. */
import { describe, expect, test } from "bun:test";
import { TiffinError } from "../../lib/errors.ts";
import { changedConfig } from "./config-changes.ts";
import type { ImageConfig } from "./image.ts";

const base: ImageConfig = {
  Env: ["A=1"],
  Cmd: ["-c", "echo hi"],
  Entrypoint: ["/bin/sh"],
  Labels: { x: "y" },
};

const changed: readonly [change: string, result: ImageConfig][] = [
  ["CMD", { Cmd: ["/bin/sh", "-c"] }],
  ['CMD a b "c"', { Cmd: ["/bin/sh", "-c", 'a b "c"'] }],
  ['CMD ["a","b"]', { Cmd: ["a", "b"] }],
  ["CMD [a, b]", { Cmd: ["/bin/sh", "-c", "[a, b]"] }],
  ["cmd x", { Cmd: ["/bin/sh", "-c", "x"] }],
  ["ENTRYPOINT", {}],
  ['CMD ["k"]\nENTRYPOINT ["z"]', { Entrypoint: ["z"], Cmd: ["k"] }],
  [
    `ENV B=$A-x C="q w" D=\\$A E=\${NO:-def} F='$A' A=2`,
    { Env: ["A=2", "B=1-x", "C=q w", "D=$A", "E=def", "F=$A"] },
  ],
  ["ENV G one two", { Env: ["A=1", "G=one two"] }],
  [`ENV H=\${A:+set}\${A+set}\${NO+set}\${NO-un}$`, { Env: ["A=1", "H=setsetun$"] }],
  [`ENV I=\${NO:-$A\${A}}`, { Env: ["A=1", "I=11"] }],
  ['LABEL "a b"="c d" k=v\\ w', { Labels: { x: "y", "a b": "c d", k: "v w" } }],
  [
    "EXPOSE 80 90/udp 100-102",
    { ExposedPorts: { "80/tcp": {}, "90/udp": {}, "100/tcp": {}, "101/tcp": {}, "102/tcp": {} } },
  ],
  ["USER a b", { User: "a b" }],
  [`USER \${A}:$A`, { User: "1:1" }],
  ["VOLUME /a /b", { Volumes: { "/a": {}, "/b": {} } }],
  ['VOLUME ["/a", "/c d"]', { Volumes: { "/a": {}, "/c d": {} } }],
  ["WORKDIR rel", { WorkingDir: "/rel" }],
  ["WORKDIR /a b/../c\nWORKDIR $A", { WorkingDir: "/c/1" }],
  ["STOPSIGNAL SIGQUIT", { StopSignal: "SIGQUIT" }],
  ["STOPSIGNAL 9", { StopSignal: "9" }],
  [
    "HEALTHCHECK --interval=5s --retries=3 CMD echo hi",
    { Healthcheck: { Test: ["CMD-SHELL", "echo hi"], Interval: 5_000_000_000, Retries: 3 } },
  ],
  ["HEALTHCHECK NONE", { Healthcheck: { Test: ["NONE"] } }],
  ['HEALTHCHECK CMD ["a"]', { Healthcheck: { Test: ["CMD", "a"] } }],
  ["ONBUILD RUN x  y", { OnBuild: ["RUN x  y"] }],
  ["CMD a \\\n b\n# comment\n\nENV Z=1", { Cmd: ["/bin/sh", "-c", "a  b"], Env: ["A=1", "Z=1"] }],
  ["CMD a \\\n# comment\n\n  b", { Cmd: ["/bin/sh", "-c", "a   b"] }],
];

test.each(changed)("%s", (change, result) => {
  expect(changedConfig(base, [change])).toEqual({ ...base, ...result });
});

const refused: readonly [change: string, message: string][] = [
  ["FOO bar", "FOO is not a valid change command"],
  ["run x", "run is not a valid change command"],
  ["constructor x", "constructor is not a valid change command"],
  ['CMD ["a", 1]', "when using JSON array syntax, arrays must be comprised of strings only"],
  ["CMD --x a", "Unknown flag: x"],
  ["ENV H", "ENV must have two arguments"],
  ['ENV "A', "ENV must have two arguments"],
  ["ENV A=1 B", 'Syntax error - can\'t find = in "B". Must be of the form: name=value'],
  ["ENV =x", "ENV names can not be blank"],
  [`ENV A=\${Q:?gone}`, `failed to process "\${Q:?gone}": Q: gone`],
  [`ENV A=\${`, `failed to process "\${": syntax error: missing '}'`],
  [`ENV A=\${}`, `failed to process "\${}": syntax error: bad substitution`],
  ["EXPOSE", "EXPOSE requires at least one argument"],
  ["EXPOSE abc", "invalid containerPort: abc"],
  ["EXPOSE 99999", "invalid containerPort: 99999"],
  ["EXPOSE 80/xxx", "invalid proto: xxx"],
  ["USER", "USER requires exactly one argument"],
  ["VOLUME", "VOLUME requires at least one argument"],
  ["STOPSIGNAL SIGFOO", "invalid signal: SIGFOO"],
  ["HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments"],
  ["HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"],
  ["HEALTHCHECK foo", 'Unknown type "FOO" in HEALTHCHECK (try CMD)'],
  ["HEALTHCHECK --interval=1us CMD x", 'Interval "interval" cannot be less than 1ms'],
  ["HEALTHCHECK --bad=1 CMD x", "Unknown flag: bad"],
  ["HEALTHCHECK --retries=-1 CMD x", "--retries cannot be negative (-1)"],
  ["ONBUILD ONBUILD x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
  ["ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"],
  ["ONBUILD", "ONBUILD requires at least one argument"],
  ["", "file with no instructions"],
];

describe("what is refused", () => {
  test.each(refused)("%s", (change, message) => {
    const attempt = (): unknown => changedConfig(base, [change]);
    expect(attempt).toThrow(TiffinError);
    expect(attempt).toThrow(message);
  });
});

test("an entry point takes the command with it that was meant for another", () => {
  const { Cmd: _command, ...others } = base;
  expect(changedConfig(base, ['ENTRYPOINT ["z"]'])).toStrictEqual({ ...others, Entrypoint: ["z"] });
  expect(changedConfig(base, ["ENTRYPOINT []"])).toStrictEqual({ ...others, Entrypoint: [] });
});

test("without a change the configuration is the container's", () => {
  expect(changedConfig(base, [])).toBe(base);
});

test("whatever a line holds, it is taken or refused with a reason", () => {
  const pieces = [
    "$",
    "{",
    "}",
    "\\",
    '"',
    "'",
    " ",
    "=",
    ":",
    "-",
    "+",
    "?",
    "A",
    "[",
    "]",
    ",",
    "/",
    "\n",
    "#",
    "--",
    "9",
  ];
  const names = [
    "CMD",
    "ENV",
    "LABEL",
    "EXPOSE",
    "USER",
    "VOLUME",
    "WORKDIR",
    "HEALTHCHECK",
    "ONBUILD",
    "STOPSIGNAL",
  ];
  let seed = 1;
  const next = (limit: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % limit;
  };
  for (let round = 0; round < 5000; round += 1) {
    const words = Array.from({ length: next(12) }, () => pieces[next(pieces.length)] ?? "");
    const line = `${names[next(names.length)]} ${words.join("")}`;
    try {
      changedConfig(base, [line]);
    } catch (thrown) {
      if (!(thrown instanceof TiffinError && thrown.kind === "invalid" && thrown.message !== ""))
        throw thrown;
    }
  }
  const deep = `ENV X=${"${A:+".repeat(20_000)}${"}".repeat(20_000)}`;
  expect(() => changedConfig(base, [deep])).toThrow(
    /^failed to process .{200,220}: more than 100 substitutions/,
  );
});

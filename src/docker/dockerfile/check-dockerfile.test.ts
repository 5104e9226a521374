/** The checks of a Dockerfile: each rule on what breaks it and on what does not, and what the directive makes of them. */
import { expect, test } from "bun:test";
import { checkDockerfile } from "./check-dockerfile.ts";
import { type CheckRule, checkRules, pageOf } from "./check-rules.ts";
import type { CheckedBase } from "./check-warning.ts";
import { parseDockerfile } from "./parse-dockerfile.ts";

const bases: Readonly<Record<string, CheckedBase>> = {
  known: { environment: ["COURSE"], platform: "linux/amd64" },
  foreign: { environment: [], platform: "linux/riscv64" },
};

function check(
  text: string,
  given: Readonly<Record<string, string>> = {},
): ReturnType<typeof checkDockerfile> {
  return checkDockerfile(parseDockerfile(text), {
    arguments: (name) => given[name],
    ignores: (path) => path.startsWith("ignored"),
    platform: "linux/amd64",
    baseOf: (reference) => bases[reference],
  });
}

function told(text: string, given?: Readonly<Record<string, string>>): string[] {
  return check(text, given).warnings.map(({ rule, firstLine }) => `${rule}:${firstLine}`);
}

/** What breaks a rule and nothing else, and what is right. */
const examples: Readonly<Record<CheckRule, { readonly bad: string; readonly good: string }>> = {
  StageNameCasing: { bad: "FROM a AS Base", good: "FROM a AS base" },
  FromAsCasing: { bad: "FROM a as base", good: "from a as base" },
  NoEmptyContinuation: {
    bad: "FROM a\nRUN x \\\n\n y",
    good: "FROM a\nRUN x \\\n # c\n y\nRUN <<E\na\n\nb\nE",
  },
  ConsistentInstructionCasing: { bad: "FROM a\nRUN x\nrun y", good: "from a\nrun x" },
  DuplicateStageName: { bad: "FROM a AS b\nFROM c AS b", good: "FROM a AS b\nFROM c AS d" },
  ReservedStageName: { bad: "FROM a AS scratch", good: "FROM scratch AS a" },
  JSONArgsRecommended: { bad: "FROM a\nCMD x", good: 'FROM a\nSHELL ["s"]\nCMD x\nFROM a\nCMD ["x"]' },
  MaintainerDeprecated: { bad: "FROM a\nMAINTAINER x", good: "FROM a\nLABEL x=y" },
  UndefinedArgInFrom: {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a Dockerfile's.
    bad: "FROM --platform=${P} a",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a Dockerfile's.
    good: "ARG V=1\nFROM --platform=$BUILDPLATFORM a:${V}",
  },
  UndefinedVar: {
    bad: "FROM scratch\nWORKDIR /$nothing",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a Dockerfile's.
    good: "FROM scratch\nARG x\nENV y=$x z=${w:-1} p=$PATH q=\\$r\nWORKDIR /$y\nFROM a\nWORKDIR /$its\nFROM known\nWORKDIR /$COURSE",
  },
  InvalidBaseImagePlatform: {
    bad: "FROM foreign",
    good: "FROM known\nFROM --platform=linux/riscv64 foreign AS other-riscv64",
  },
  WorkdirRelativePath: { bad: "FROM a\nWORKDIR b", good: "FROM a\nWORKDIR /a\nWORKDIR b" },
  MultipleInstructionsDisallowed: {
    bad: 'FROM a\nCMD ["x"]\nCMD ["y"]',
    good: 'FROM a\nCMD ["x"]\nFROM b\nCMD ["y"]',
  },
  LegacyKeyValueFormat: { bad: "FROM a\nENV x y", good: "FROM a\nENV x=y" },
  RedundantTargetPlatform: {
    bad: "FROM --platform=$TARGETPLATFORM a",
    good: "FROM --platform=$BUILDPLATFORM a",
  },
  SecretsUsedInArgOrEnv: { bad: "FROM a\nENV API_KEY=x", good: "FROM a\nENV PUBLIC_KEY=x KEYBOARD=y" },
  InvalidDefaultArgInFrom: { bad: "ARG V\nFROM a:$V", good: "ARG V=1\nFROM a:$V" },
  FromPlatformFlagConstDisallowed: {
    bad: "FROM --platform=linux/amd64 a",
    good: "FROM --platform=linux/amd64 a AS build-amd64",
  },
  CopyIgnoredFile: {
    bad: "FROM a\nCOPY ignored.txt /",
    good: "FROM a\nCOPY . /\nCOPY --from=b ignored.txt /\nADD https://a/b /",
  },
  InvalidDefinitionDescription: {
    bad: "# check=experimental=all\n# other\nFROM a AS b",
    good: "# check=experimental=all\n# b is one\nFROM a AS b\n\n# of nothing\n\nARG c",
  },
  ExposeProtoCasing: { bad: "FROM a\nEXPOSE 80/TCP", good: "FROM a\nEXPOSE 80/tcp 53/udp" },
  ExposeInvalidFormat: { bad: "FROM a\nEXPOSE 80:80", good: "FROM a\nEXPOSE 80-90" },
};

for (const rule of Object.keys(checkRules)) {
  test(`${rule} is told of what breaks it, and of nothing that is right`, () => {
    const { bad = "", good = "" } = new Map(Object.entries(examples)).get(rule) ?? {};
    expect(check(bad).warnings.map((warning) => String(warning.rule))).toStrictEqual([rule]);
    expect(told(good)).toStrictEqual([]);
  });
}

test("a stage that goes on from another knows what that one knew", () => {
  const text = 'FROM scratch AS a\nENV x=1\nSHELL ["s"]\nWORKDIR /a\nFROM a\nWORKDIR $x\nCMD y';
  expect(told(text)).toStrictEqual([]);
});

test("warnings are placed: the earlier of two instructions, the end of an open line", () => {
  expect(told('FROM a\nCMD ["x"]\nCMD ["y"]\nRUN x \\\n\n y')).toStrictEqual([
    "MultipleInstructionsDisallowed:2",
    "NoEmptyContinuation:6",
  ]);
});

test("the directive skips rules and makes warnings failures; the argument is heard instead of it", () => {
  const text = "# check=skip=StageNameCasing;error=true\nFROM a as B\nMAINTAINER x";
  expect(told(text)).toStrictEqual(["FromAsCasing:2", "MaintainerDeprecated:3"]);
  expect(check(text).failing).toBe(true);
  const given = { BUILDKIT_DOCKERFILE_CHECK: "skip=all" };
  expect(check(text, given)).toStrictEqual({ warnings: [], failing: false });
  expect(() => check("# check=sometimes=x\nFROM a")).toThrow("invalid check");
});

test("what a build would refuse is no matter of the checks", () => {
  const text =
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a Dockerfile's.
    "ARG A=${B:?has to be given}\nARG\nFROM a\nARG --x y\nARG =\nARG c=${d:?too}\nCOPY [1 x\nOTHER\nENV";
  expect(() => check(text)).not.toThrow();
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a Dockerfile's.
  expect(told("ARG B\nARG A=${B:?x}\nFROM a:$A", { A: "1", B: "2" })).toStrictEqual([
    "InvalidDefaultArgInFrom:3",
  ]);
});

test("a rule has a page with its name in words", () => {
  expect(pageOf("JSONArgsRecommended")).toBe(
    "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/",
  );
  expect(pageOf("SecretsUsedInArgOrEnv")).toEndWith("/secrets-used-in-arg-or-env/");
});

test("a name that is nearly one that there is is guessed, in Docker's words", () => {
  const texts = (text: string): string[] => check(text).warnings.map((warning) => warning.text);
  expect(texts("ARG VERSION=1\nFROM a:$VERSOIN")).toContain(
    "FROM argument 'VERSOIN' is not declared (did you mean VERSION?)",
  );
  expect(texts("FROM --platform=$BULIDPLATFORM a")).toStrictEqual([
    "FROM argument 'BULIDPLATFORM' is not declared (did you mean BUILDPLATFORM?)",
  ]);
  expect(texts("FROM known\nWORKDIR /$CUORSE")).toStrictEqual([
    "Usage of undefined variable '$CUORSE' (did you mean $COURSE?)",
  ]);
  expect(texts("FROM known\nWORKDIR /$SOMETHING")).toStrictEqual([
    "Usage of undefined variable '$SOMETHING'",
  ]);
  expect(texts("FROM foreign")).toStrictEqual([
    'Base image foreign was pulled with platform "linux/riscv64", expected "linux/amd64" for current build',
  ]);
});

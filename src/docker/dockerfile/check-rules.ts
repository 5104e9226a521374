/** The rules of the checks by Docker's names, with the words of each warning and the page that explains it. Pure. */

export const checkRules = {
  StageNameCasing: (name: string) => `Stage name '${name}' should be lowercase`,
  FromAsCasing: (as: string, from: string) => `'${as}' and '${from}' keywords' casing do not match`,
  NoEmptyContinuation: () => "Empty continuation line",
  ConsistentInstructionCasing: (command: string, casing: string) =>
    `Command '${command}' should match the case of the command majority (${casing})`,
  DuplicateStageName: (name: string) => `Duplicate stage name ${quoted(name)}, stage names should be unique`,
  ReservedStageName: (name: string) =>
    `Stage name should not use the same name as reserved stage ${quoted(name)}`,
  JSONArgsRecommended: (command: string) =>
    `JSON arguments recommended for ${command} to prevent unintended behavior related to OS signals`,
  MaintainerDeprecated: () => "Maintainer instruction is deprecated in favor of using label",
  UndefinedArgInFrom: (name: string, meant: string) =>
    `FROM argument '${name}' is not declared${meant === "" ? "" : ` (did you mean ${meant}?)`}`,
  UndefinedVar: (name: string, meant: string) =>
    `Usage of undefined variable '$${name}'${meant === "" ? "" : ` (did you mean $${meant}?)`}`,
  WorkdirRelativePath: (path: string) =>
    `Relative workdir ${quoted(path)} can have unexpected results if the base image changes`,
  MultipleInstructionsDisallowed: (command: string) =>
    `Multiple ${command} instructions should not be used in the same stage because only the last one will be used`,
  LegacyKeyValueFormat: (command: string) =>
    `"${command} key=value" should be used instead of legacy "${command} key value" format`,
  InvalidBaseImagePlatform: (image: string, expected: string, actual: string) =>
    `Base image ${image} was pulled with platform ${quoted(actual)}, expected ${quoted(expected)} for current build`,
  RedundantTargetPlatform: (platform: string) =>
    `Setting platform to predefined ${platform} in FROM is redundant as this is the default behavior`,
  SecretsUsedInArgOrEnv: (command: string, name: string) =>
    `Do not use ARG or ENV instructions for sensitive data (${command} ${quoted(name)})`,
  InvalidDefaultArgInFrom: (base: string) =>
    `Default value for ARG ${base} results in empty or invalid base image name`,
  FromPlatformFlagConstDisallowed: (platform: string) =>
    `FROM --platform flag should not use constant value ${quoted(platform)}`,
  CopyIgnoredFile: (command: string, path: string) =>
    `Attempting to ${command} file ${quoted(path)} that is excluded by .dockerignore`,
  InvalidDefinitionDescription: (instruction: string, name: string) =>
    `Comment for ${instruction} should follow the format: \`# ${name} <description>\``,
  ExposeProtoCasing: (port: string) => `Defined protocol '${port}' in EXPOSE instruction should be lowercase`,
  ExposeInvalidFormat: (port: string) =>
    `EXPOSE instruction should not define an IP address or host-port mapping, found '${port}'`,
} as const;

export type CheckRule = keyof typeof checkRules;

/** Those that are quiet until they are asked for. */
export const experimentalRules: ReadonlySet<string> = new Set<CheckRule>(["InvalidDefinitionDescription"]);

const words = /[A-Z]+(?=[A-Z][a-z])|[A-Z][a-z]*/g;

/** Docker's page about a rule. */
export function pageOf(rule: string): string {
  const name = (rule.match(words) ?? [rule]).join("-").toLowerCase();
  return `https://docs.docker.com/go/dockerfile/rule/${name}/`;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

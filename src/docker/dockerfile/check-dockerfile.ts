/** What is doubtful in a Dockerfile, by Docker's build checks. Nothing is built or asked for it. Pure. */
import { checkRules, experimentalRules } from "./check-rules.ts";
import { StageCheck } from "./check-stage.ts";
import type { CheckOptions, CheckWarning, Warn } from "./check-warning.ts";
import { checkArgument, parseCheckWishes } from "./check-wishes.ts";
import { declaredNames } from "./declared-names.ts";
import type { Lookup } from "./expand.ts";
import type { Dockerfile, PlacedInstruction } from "./parse-dockerfile.ts";

export interface Checked {
  readonly warnings: readonly CheckWarning[];
  /** A build with warnings is to fail. */
  readonly failing: boolean;
}

/** Throws `Error` when what is wanted of the checks is not understood. */
export function checkDockerfile(file: Dockerfile, options: CheckOptions): Checked {
  const wishes = parseCheckWishes(options.arguments(checkArgument) ?? file.check);
  const warnings: CheckWarning[] = [];
  const warn: Warn = (rule, { firstLine, lastLine }, ...words) => {
    if (wishes.skips(rule) || (experimentalRules.has(rule) && !wishes.tries(rule))) return;
    const say: (...words: string[]) => string = checkRules[rule];
    warnings.push({ rule, text: say(...words), firstLine, lastLine });
  };
  checkContinuations(file, warn);
  checkCasing(file, warn);
  checkDescriptions(file, warn);
  checkStages(file, options, warn);
  warnings.sort((one, other) => one.firstLine - other.firstLine);
  return { warnings, failing: wishes.failing };
}

function checkContinuations({ instructions, lines }: Dockerfile, warn: Warn): void {
  for (const { firstLine, lastLine, tail } of instructions) {
    // Lines of here-documents are theirs.
    const last = lastLine - (tail.split("\n").length - 1);
    const isOpen = lines.slice(firstLine - 1, last).some((line) => line.trim() === "");
    if (isOpen) warn("NoEmptyContinuation", { firstLine: last, lastLine: last });
  }
}

function checkCasing({ instructions }: Dockerfile, warn: Warn): void {
  const isLower = ({ written }: PlacedInstruction): boolean => written === written.toLowerCase();
  const isUpper = ({ written }: PlacedInstruction): boolean => written === written.toUpperCase();
  const mostAreLower = instructions.filter(isLower).length > instructions.filter(isUpper).length;
  for (const instruction of instructions) {
    if (mostAreLower ? isLower(instruction) : isUpper(instruction)) continue;
    const casing = mostAreLower ? "lowercase" : "uppercase";
    warn("ConsistentInstructionCasing", instruction, instruction.written, casing);
  }
}

/** A comment right above a stage or an argument describes it, and begins with its name. */
function checkDescriptions({ instructions, lines }: Dockerfile, warn: Warn): void {
  for (const instruction of instructions) {
    const [, comment] = /^\s*#\s*(\S+)/.exec(lines[instruction.firstLine - 2] ?? "") ?? [];
    if (comment === undefined || /^(?:syntax|escape|check)\s*=/i.test(comment)) continue;
    const [first = "", , alias] = instruction.rest.split(/\s+/);
    const name = instruction.name === "from" ? alias : first.split("=", 1)[0];
    if (name === undefined || !["from", "arg"].includes(instruction.name) || comment === name) continue;
    warn("InvalidDefinitionDescription", instruction, instruction.written.toUpperCase(), name);
  }
}

function checkStages(file: Dockerfile, options: CheckOptions, warn: Warn): void {
  const defaults = new Map<string, string | undefined>();
  const stages: StageCheck[] = [];
  for (const instruction of file.instructions) {
    const current = stages.at(-1);
    if (instruction.name === "from") {
      stages.push(new StageCheck({ instruction, file, defaults, before: stages, options, warn }));
    } else if (current !== undefined) current.check(instruction);
    else if (instruction.name === "arg") {
      const lookup: Lookup = (name) => defaults.get(name);
      for (const [name, value] of declaredNames(instruction.rest, lookup)) {
        defaults.set(name, value);
        StageCheck.checkSecret(instruction, name, warn);
      }
    }
  }
}

/** Images that stages begin with, as they are written when what is given is put in. */
export function basesIn(file: Dockerfile, given: Lookup): Set<string> {
  const asked = new Set<string>();
  const baseOf = (reference: string): undefined => {
    if (reference !== "") asked.add(reference);
    return undefined;
  };
  checkStages(file, { arguments: given, ignores: () => false, baseOf }, () => {});
  return asked;
}

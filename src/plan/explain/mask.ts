/**
 * A plan without what is secret: values of environment variables, and where secrets that are mounted come from. What is left says that
 * something was there. A value is masked where the environment is listed, whatever it is, and wherever it stands in words that people
 * have chosen: the whole word that holds it, so that what is left of the word does not give it away.
 */
import type { Plan, ProcessOp } from "../plan.ts";

export const maskText = "***";

/** Variables that say how a program is to run, and are in every image: the script could do nothing without them. */
const openVariables = /^(?:PATH|HOME|HOSTNAME|TERM|USER|SHELL|PWD|LANG|TZ|LC_[A-Z]+)$/;

/** Switches: nothing can be kept secret in one of them, and they are words of every command line. */
const openValues = /^(?:|[01]|true|false|yes|no|on|off)$/i;

export interface Secrets {
  /** Names of variables. */
  readonly variables: ReadonlySet<string>;
  /** Their values, however short. */
  readonly values: readonly string[];
  /** Paths on the host. */
  readonly paths: readonly string[];
}

export function secretsOf(environment: readonly string[], paths: readonly string[]): Secrets {
  const entries = environment.flatMap((entry) => {
    const at = entry.indexOf("=");
    const name = entry.slice(0, at);
    return at <= 0 || openVariables.test(name) ? [] : [{ name, value: entry.slice(at + 1) }];
  });
  const values = entries.map(({ value }) => value).filter((value) => !openValues.test(value));
  return {
    variables: new Set(entries.map(({ name }) => name)),
    values: [...new Set(values)],
    paths: paths.filter((path) => path !== "/" && path !== ""),
  };
}

/** What is secret in a plan, by itself. */
export function secretsOfPlan({ ops }: Plan): Secrets {
  const exec = ops.find((op) => op.op === "exec");
  const paths = ops.flatMap((op) => {
    if (op.op !== "openTree" || !op.cause.startsWith("mounts[")) return [];
    const place = ops.find((other) => other.op === "moveMount" && other.cause === op.cause)?.target ?? "";
    return op.target.startsWith("/") && isSecretMount(op.target, place) ? [op.target] : [];
  });
  return secretsOf(exec?.op === "exec" ? exec.fields.environment : [], paths);
}

const secretTarget = /^\/(?:var\/)?run\/secrets(?:\/|$)/;
const secretSource =
  /(?:^|[/._-])(?:secrets?|credentials?|private[_-]?keys?|passw(?:or)?ds?|tokens?|\.ssh|\.aws|\.gnupg|\.kube|\.netrc|id_rsa|id_ed25519)(?:$|[/._-])/i;

/** Whether a mount is one of a secret: by where it goes, or by what its source is called. */
export function isSecretMount(source: string, target: string): boolean {
  return secretTarget.test(target) || secretSource.test(source);
}

const insideWord = /[\p{L}\p{N}\p{M}_]/u;

/** The places of `secret` in `text`; of a value each with the rest of the words that it begins and ends in. */
function placesOf(text: string, secret: string, wholeWords: boolean): [number, number][] {
  const places: [number, number][] = [];
  for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + 1)) {
    let [from, to] = [at, at + secret.length];
    while (wholeWords && from > 0 && insideWord.test(text.charAt(from - 1))) from -= 1;
    while (wholeWords && to < text.length && insideWord.test(text.charAt(to))) to += 1;
    places.push([from, to]);
  }
  return places;
}

/** All at once, as one may be a part of another, or reach into it. */
function masked(text: string, values: readonly string[], paths: readonly string[]): string {
  const places = [
    ...values.flatMap((value) => placesOf(text, value, true)),
    ...paths.flatMap((path) => placesOf(text, path, false)),
  ].sort(([one], [other]) => one - other);
  let shown = "";
  let end = 0;
  for (const [from, to] of places) {
    if (from > end || (from === end && !shown.endsWith(maskText))) shown += text.slice(end, from) + maskText;
    end = Math.max(end, to);
  }
  return shown + text.slice(end);
}

/** Of words that people have chosen. */
export function maskWords(text: string, { values, paths }: Secrets): string {
  return masked(text, values, paths);
}

/** Of a command line, where a variable stands with its value. */
export function maskLine(line: string, secrets: Secrets): string {
  const assignment = /(?<![\w])([A-Za-z_]\w*)=("[^"]*"|'[^']*'|\S*)/g;
  const named = line.replaceAll(assignment, (whole, name: string) =>
    secrets.variables.has(name) ? `${name}=${maskText}` : whole,
  );
  return maskWords(named, secrets);
}

function maskEntry(entry: string, secrets: Secrets): string {
  const name = entry.slice(0, Math.max(0, entry.indexOf("=")));
  return secrets.variables.has(name) ? `${name}=${maskText}` : maskWords(entry, secrets);
}

/** Causes of operations on what people have named: directories, files, hosts, mounts. Numbers of users and limits are none. */
const namedByPeople =
  /^(?:mounts\[|process\.(?:args|cwd)|hostname|domainname|hooks|linux\.(?:sysctl|devices\[))/;

function isNamedByPeople({ op, cause }: ProcessOp): boolean {
  return op === "exec" || op === "findProgram" || op === "hook" || namedByPeople.test(cause);
}

/** Files that the engine writes and paths of control groups are full of numbers: what is shorter is not looked for there. */
const shortestInFiles = 4;

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

function maskBytes(bytes: Uint8Array, mask: (text: string) => string): Uint8Array {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return bytes;
  }
  const shown = mask(text);
  return shown === text ? bytes : encoder.encode(shown);
}

/** Slots and numbers stay as they are, so the plan still explains itself. */
export function maskPlan(plan: Plan, secrets: Secrets): Plan {
  const ofPaths = (text: string): string => masked(text, [], secrets.paths);
  const ofWords = (text: string): string => maskWords(text, secrets);
  const long = secrets.values.filter((value) => value.length >= shortestInFiles);
  const ofFiles = (text: string): string => masked(text, long, secrets.paths);
  return {
    receives: plan.receives,
    hostOps: plan.hostOps.map((op) => ({
      ...op,
      target: ofFiles(op.target),
      directory: ofFiles(op.directory),
    })),
    warnings: plan.warnings.map(ofWords),
    ops: plan.ops.map((op): ProcessOp => {
      const shown = mapTexts(op, isNamedByPeople(op) ? ofWords : ofPaths);
      if (op.op === "exec" || op.op === "hook") {
        const environment = op.fields.environment.map((entry) => maskEntry(entry, secrets));
        if (shown.op === "exec") return { ...shown, fields: { ...shown.fields, environment } };
        if (shown.op === "hook") return { ...shown, fields: { ...shown.fields, environment } };
      }
      if (shown.op === "createFile") {
        const content = maskBytes(shown.fields.content, ofFiles);
        return { ...shown, fields: { ...shown.fields, content } };
      }
      if (shown.op === "write" && isNamedByPeople(op))
        return { ...shown, fields: { ...shown.fields, data: maskBytes(shown.fields.data, ofWords) } };
      return shown;
    }),
  };
}

/** What a script cannot say for itself. */
export interface HiddenWords {
  /** Which of the command's words, counted from 0. */
  readonly ofCommand: ReadonlySet<number>;
  /** Whether there are others: names, directories, places of mounts, contents of files. */
  readonly elsewhere: boolean;
}

/** What `shown` does not say of `plan`, sources of mounts and the environment aside: those a script asks for by name. */
export function hiddenWords(plan: Plan, shown: Plan): HiddenWords {
  const ofCommand = new Set<number>();
  let elsewhere = plan.hostOps.some(({ target }, index) => target !== shown.hostOps[index]?.target);
  for (const [index, op] of plan.ops.entries()) {
    const other = shown.ops[index];
    if (op.op === "exec" && other?.op === "exec") {
      for (const [at, word] of op.fields.arguments.entries())
        if (word !== other.fields.arguments[at]) ofCommand.add(at);
    } else if (op.op !== "findProgram" && other !== undefined) {
      elsewhere ||= JSON.stringify(textsOf(op.fields)) !== JSON.stringify(textsOf(other.fields));
    }
  }
  return { ofCommand, elsewhere };
}

/** Comparable: numbers and slots are the same in both. */
function textsOf(fields: ProcessOp["fields"]): unknown {
  return Object.values(fields).map((value: unknown) => {
    if (value instanceof Uint8Array) return value.toBase64();
    return typeof value === "bigint" ? String(value) : value;
  });
}

/** What kind of operation it is, and which setting asked for it, are nobody's words. */
const nobodysWords: ReadonlySet<string> = new Set(["op", "stage", "cause", "inverse"]);

function mapTexts<T>(value: T, mask: (text: string) => string): T;
function mapTexts(value: unknown, mask: (text: string) => string): unknown {
  if (typeof value === "string") return mask(value);
  if (value instanceof Uint8Array || value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((each: unknown) => mapTexts(each, mask));
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, nobodysWords.has(key) ? each : mapTexts(each, mask)]),
  );
}

/**
 * A plan without what is secret: values of environment variables, and where secrets that are mounted come from. What is left says that
 * something was there.
 */
import type { Plan } from "../plan.ts";

export const maskText = "***";

/** Variables that say how a program is to run, and are in every image: the script could do nothing without them. */
const openVariables = /^(?:PATH|HOME|HOSTNAME|TERM|USER|SHELL|PWD|LANG|TZ|LC_[A-Z]+)$/;

export interface Secrets {
  /** Names of variables. */
  readonly variables: ReadonlySet<string>;
  /** Their values, as far as they are long enough to be known again in other words. */
  readonly values: readonly string[];
  /** Paths on the host. */
  readonly paths: readonly string[];
}

/** Shorter ones are words of every day, such as `true`. */
const shortestKnown = 6;

export function secretsOf(environment: readonly string[], paths: readonly string[]): Secrets {
  const entries = environment.flatMap((entry) => {
    const at = entry.indexOf("=");
    const name = entry.slice(0, at);
    return at <= 0 || openVariables.test(name) ? [] : [{ name, value: entry.slice(at + 1) }];
  });
  return {
    variables: new Set(entries.map(({ name }) => name)),
    values: entries.map(({ value }) => value).filter((value) => value.length >= shortestKnown),
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

export function maskWords(text: string, { values, paths }: Secrets): string {
  return [...values, ...paths].reduce((masked, secret) => masked.replaceAll(secret, maskText), text);
}

/** Of a command line, where a variable stands with its value. */
export function maskLine(line: string, secrets: Secrets): string {
  const assignment = /(?<![\w])([A-Za-z_]\w*)=("[^"]*"|'[^']*'|\S*)/g;
  const masked = line.replaceAll(assignment, (whole, name: string) =>
    secrets.variables.has(name) ? `${name}=${maskText}` : whole,
  );
  return maskWords(masked, secrets);
}

function maskPaths(text: string, { paths }: Secrets): string {
  return paths.reduce((masked, secret) => masked.replaceAll(secret, maskText), text);
}

function maskEntry(entry: string, { variables }: Secrets): string {
  const name = entry.slice(0, Math.max(0, entry.indexOf("=")));
  return variables.has(name) ? `${name}=${maskText}` : entry;
}

/** Slots and numbers stay as they are, so the plan still explains itself. */
export function maskPlan(plan: Plan, secrets: Secrets): Plan {
  return {
    receives: plan.receives,
    hostOps: plan.hostOps,
    warnings: plan.warnings.map((warning) => maskWords(warning, secrets)),
    ops: plan.ops.map((op) => {
      if (op.op === "exec" || op.op === "hook") {
        const words = mapTexts(op, (text) => maskWords(text, secrets));
        const environment = op.fields.environment.map((entry) => maskEntry(entry, secrets));
        if (words.op === "exec") return { ...words, fields: { ...words.fields, environment } };
        if (words.op === "hook") return { ...words, fields: { ...words.fields, environment } };
      }
      return mapTexts(op, (text) => maskPaths(text, secrets));
    }),
  };
}

function mapTexts<T>(value: T, mask: (text: string) => string): T;
function mapTexts(value: unknown, mask: (text: string) => string): unknown {
  if (typeof value === "string") return mask(value);
  if (value instanceof Uint8Array || value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((each: unknown) => mapTexts(each, mask));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, mapTexts(each, mask)]));
}

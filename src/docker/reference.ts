/**
 * Image references, `[domain/]path[:tag][@digest]`, with Docker's defaults: no domain is docker.io, a single word
 * is in `library/`, neither tag nor digest is `:latest`. Pure; the wording of the errors is Docker's.
 */
import { TiffinError } from "../lib/errors.ts";

export interface Reference {
  readonly domain: string;
  /** Below the domain, with `library/` where it was left out. */
  readonly path: string;
  readonly tag?: string;
  /** `sha256:<hex>`, or another algorithm's. */
  readonly digest?: string;
}

const defaultDomain = "docker.io";
const oldDefaultDomain = "index.docker.io";
const officialPrefix = "library/";
const defaultTag = "latest";
const nameLimit = 255;

const pathPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const domainPattern =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const digestPattern = /^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/;
const idPattern = /^[0-9a-f]{64}$/;

function invalid(why = ""): TiffinError {
  return new TiffinError("invalid", "image.bad-reference", `invalid reference format${why}`);
}

/** Splits and checks a reference; adds domain and `library/`, but no tag. Throws `invalid`. */
export function parseReference(text: string): Reference {
  if (idPattern.test(text)) {
    throw new TiffinError(
      "invalid",
      "image.bad-reference",
      `invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`,
    );
  }
  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const { domain, rest } = splitDomain(at < 0 ? text : text.slice(0, at));
  const colon = rest.lastIndexOf(":");
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  const bare = colon < 0 ? rest : rest.slice(0, colon);
  const path = domain === defaultDomain && !bare.includes("/") ? officialPrefix + bare : bare;
  if (bare === "" || !domainPattern.test(domain)) throw invalid();
  if (!pathPattern.test(path)) {
    const lowerCase = path.toLowerCase();
    if (pathPattern.test(lowerCase)) throw invalid(`: repository name (${path}) must be lowercase`);
    throw invalid();
  }
  if (tag !== undefined && !tagPattern.test(tag)) throw invalid();
  if (digest !== undefined && !digestPattern.test(digest)) throw invalid();
  if (domain.length + 1 + path.length > nameLimit) {
    throw invalid(`: repository name must not be more than ${nameLimit} characters`);
  }
  return { domain, path, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

/** The part before the first slash is a domain only if it cannot be a path component. */
function splitDomain(name: string): { domain: string; rest: string } {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const isDomain = /[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  if (!isDomain) return { domain: defaultDomain, rest: name };
  return { domain: first === oldDefaultDomain ? defaultDomain : first, rest: name.slice(slash + 1) };
}

/** The full form that names are stored under: `docker.io/library/base:latest`. */
export function normaliseReference(reference: Reference): string {
  const name = `${reference.domain}/${reference.path}`;
  const tag = reference.tag ?? (reference.digest === undefined ? defaultTag : undefined);
  return `${name}${tag === undefined ? "" : `:${tag}`}${reference.digest === undefined ? "" : `@${reference.digest}`}`;
}

/** The short form that people see: `base:latest`. */
export function familiarName(reference: Reference): string {
  const full = normaliseReference(reference);
  if (full.startsWith(`${defaultDomain}/${officialPrefix}`)) {
    return full.slice(defaultDomain.length + 1 + officialPrefix.length);
  }
  return reference.domain === defaultDomain ? full.slice(defaultDomain.length + 1) : full;
}

/** The short form of a repository, without tag and digest: `base`. */
export function familiarRepository({ domain, path }: Reference): string {
  return familiarName({ domain, path, tag: "x" }).slice(0, -":x".length);
}

/**
 * Certificates on this host: the authorities that all programs trust, and what is kept for single registries in
 * `certs.d/HOST[:PORT]/`: `*.crt` are authorities, `NAME.cert` with `NAME.key` is who we are to that registry.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { messageOf, TiffinError } from "../../lib/errors.ts";
import { readWrittenFile } from "../../lib/written-file.ts";
import type { TlsMaterial } from "./exchange.ts";

/** Where distributions keep the bundle of authorities; the first that exists counts. */
const bundles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

type Environment = Readonly<Record<string, string | undefined>>;

function failed(path: string, thrown: unknown): TiffinError {
  return new TiffinError(
    "invalid",
    "registry.bad-certificate",
    `cannot read the certificates in ${path}: ${messageOf(thrown)}`,
    { cause: thrown },
  );
}

/** A file in PEM. Throws `invalid`. */
export function readPem(path: string): string {
  try {
    const found = readWrittenFile(path);
    if (found === undefined) throw new Error("there is no such file");
    if (!found.includes("-----BEGIN ")) throw new Error("there is none in PEM form");
    return found;
  } catch (thrown) {
    throw failed(path, thrown);
  }
}

function pemIfAny(path: string): string[] {
  try {
    return [readPem(path)];
  } catch {
    return [];
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

/** The authorities of the host; undefined when it has none, then those count that the program brings. */
export function hostAuthorities(environment: Environment): string[] | undefined {
  const { SSL_CERT_FILE: file, SSL_CERT_DIR: directory } = environment;
  const found: string[] = [];
  const bundle = file ?? bundles.find((path) => existsSync(path));
  if (bundle !== undefined && bundle !== "") found.push(readPem(bundle));
  if (directory !== undefined && directory !== "") {
    // What else such a directory holds (keystores of Java, hash links to nowhere) is passed over, as by every other program.
    for (const name of namesIn(directory)) found.push(...pemIfAny(join(directory, name)));
  }
  return found.length === 0 ? undefined : found;
}

/** What the first of `directories` that knows `host` has for it. */
export function registryCertificates(directories: readonly string[], host: string): TlsMaterial {
  for (const parent of directories) {
    const directory = join(parent, host);
    const names = namesIn(directory);
    const authorities = names.filter((name) => name.endsWith(".crt"));
    const certificate = names.find((name) => name.endsWith(".cert"));
    const keys = names.filter((name) => name.endsWith(".key"));
    if (authorities.length + keys.length === 0 && certificate === undefined) continue;
    const key = certificate?.replace(/\.cert$/, ".key") ?? keys[0];
    if (certificate === undefined && key !== undefined) {
      throw failed(directory, new Error(`${key} has no certificate ${key.replace(/\.key$/, ".cert")}`));
    }
    if (key !== undefined && !keys.includes(key)) {
      throw failed(
        directory,
        new Error(
          `there is no key ${key} for the client certificate ${certificate}; authorities must end in .crt`,
        ),
      );
    }
    return {
      ...(authorities.length === 0
        ? {}
        : { authorities: authorities.map((name) => readPem(join(directory, name))) }),
      ...(certificate === undefined ? {} : { certificate: readPem(join(directory, certificate)) }),
      ...(key === undefined ? {} : { key: readPem(join(directory, key)) }),
    };
  }
  return {};
}

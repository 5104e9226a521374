/**
 * An ordinary user for the tests, with ids that newuidmap(1) may map for it. The account and its grants exist only in the
 * mount namespace of each command.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RuntimeSpec } from "../../src/oci/mod.ts";
import type { Outcome } from "../support/outcome.ts";
import type { Bundle } from "./bundle.ts";
import { type CaseOptions, eachRuntime } from "./runtimes.ts";

export const user = 4321;
/** The first of the 1000 ids that are granted. */
export const granted = 300_000;

const drop = [
  "setpriv",
  ...["--reuid", String(user), "--regid", String(user), "--clear-groups", "--inh-caps=-all"],
];

/** The account files of the machine with the user and its grants, below `directory`. */
export function makeAccounts(directory: string): void {
  const accounts = join(directory, "etc");
  mkdirSync(accounts);
  const rows = {
    passwd: `tiffin-test:x:${user}:${user}::/:/bin/sh\n`,
    group: `tiffin-test:x:${user}:\n`,
  };
  for (const [name, line] of Object.entries(rows)) {
    writeFileSync(join(accounts, name), readFileSync(`/etc/${name}`, "utf8") + line);
  }
  for (const name of ["subuid", "subgid"]) {
    writeFileSync(join(accounts, name), `tiffin-test:${granted}:1000\n`);
  }
}

/** The words that run a command as the user; `directory` is that of `makeAccounts`. */
export function asUser(directory: string, environment: readonly string[] = []): string[] {
  const bind = (name: string): string => `mount --bind ${directory}/etc/${name} /etc/${name}`;
  const script = [
    ...["passwd", "group"].map(bind),
    // A machine without the programs lacks the files as well.
    ...["subuid", "subgid"].map((name) => `[ ! -e /etc/${name} ] || ${bind(name)}`),
    'exec "$@"',
  ].join("; ");
  return ["unshare", "--mount", "sh", "-c", script, "sh", ...drop, "env", ...environment];
}

/** The bundle becomes the user's, with this configuration. */
export function giveToUser(bundle: Bundle, document: RuntimeSpec): void {
  makeAccounts(bundle.directory);
  mkdirSync(bundle.root);
  Bun.spawnSync(["chown", "-R", `${user}:${user}`, bundle.path, bundle.root]);
  bundle.configure(document);
}

/** Runs a command to its end; what a container keeps open are files. */
export async function collect(bundle: Bundle, words: readonly string[]): Promise<Outcome> {
  const [out, err] = [join(bundle.root, "out"), join(bundle.root, "err")];
  for (const file of [out, err]) writeFileSync(file, "");
  const streams = { stdin: "ignore", stdout: Bun.file(out), stderr: Bun.file(err) } as const;
  const child = Bun.spawn([...words], { cwd: bundle.path, ...streams });
  const code = await child.exited;
  return { code, stdout: readFileSync(out, "utf8"), stderr: readFileSync(err, "utf8") };
}

/** A command of the runtime, called by the user. */
export function callAsUser(bundle: Bundle, ...words: readonly string[]): Promise<Outcome> {
  const root = join(bundle.root, "state");
  return collect(bundle, [...asUser(bundle.directory), bundle.runtime, "--root", root, ...words]);
}

/** A case whose caller is not the root of the host. */
export function eachRuntimeOfUser(
  name: string,
  run: (bundle: Bundle) => Promise<void>,
  options: CaseOptions = {},
): void {
  const andEnd = async (bundle: Bundle): Promise<void> => {
    try {
      await run(bundle);
    } finally {
      await callAsUser(bundle, "delete", "--force", bundle.id);
    }
  };
  eachRuntime(name, andEnd, { ...options, unaided: true });
}

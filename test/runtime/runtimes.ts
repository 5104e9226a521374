/**
 * The runtimes that the cases run against: ours, and the two that are installed everywhere, which prove the cases.
 * A case that another runtime does not pass says why, and who is right by the text of the specification.
 */
import { test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Bundle } from "./bundle.ts";

export interface RuntimeUnderTest {
  readonly name: "tiffin" | "crun" | "runc";
  /** How it is called in the names of tests. */
  readonly label: string;
  readonly path: string | undefined;
}

const project = join(import.meta.dir, "..", "..");
const built = join(project, "dist", "tiffin-runtime");
const mustRun = process.env["MUST_RUN"] === "1";

/** The same program, called so that it asks no resident helper. */
function withoutHelper(): string {
  const directory = join(project, ".build");
  const path = join(directory, "tiffin-runtime-alone");
  mkdirSync(directory, { recursive: true });
  writeFileSync(path, `#!/bin/sh\nTIFFIN_RUNTIME_HELPER=off exec ${built} "$@"\n`, { mode: 0o755 });
  return path;
}

const isBuilt = existsSync(built);

export const runtimes: readonly RuntimeUnderTest[] = [
  { name: "tiffin", label: "tiffin", path: isBuilt ? built : undefined },
  { name: "tiffin", label: "tiffin alone", path: isBuilt ? withoutHelper() : undefined },
  { name: "crun", label: "crun", path: Bun.which("crun") ?? undefined },
  { name: "runc", label: "runc", path: Bun.which("runc") ?? undefined },
];

/**
 * crun 1.8 refuses every container where v1 hierarchies are mounted and the v2 one still holds a controller of its own; then
 * the cases are proven on runc alone.
 */
function refusalOf(name: RuntimeUnderTest["name"]): string | undefined {
  const controllers = "/sys/fs/cgroup/unified/cgroup.controllers";
  if (name !== "crun" || !existsSync(controllers)) return undefined;
  const held = readFileSync(controllers, "utf8").trim();
  return held === "" ? undefined : `crun 1.8 refuses a hybrid host whose v2 hierarchy holds ${held}`;
}

/** `TIFFIN_RUNTIMES=tiffin` leaves the others out where time is short. */
const chosen = (process.env["TIFFIN_RUNTIMES"] || undefined)?.split(",");

export interface CaseOptions {
  /** The others run it even where `TIFFIN_RUNTIMES` leaves them out: there is no other place where they could. */
  readonly isProvenHere?: boolean;
  /** Flags of every call. */
  readonly globals?: readonly string[];
  /** Why this machine cannot run the case at all. */
  readonly impossible?: string | undefined;
  /** No helper serves the caller of the case, so once is enough for us. */
  readonly unaided?: boolean;
  /** Runtimes that fail the case, and why that is their fault or a freedom of the specification. */
  readonly except?: Partial<Record<RuntimeUnderTest["name"], string>>;
}

/** One test for every runtime. The bundle and everything made with it are removed afterwards. */
export function eachRuntime(
  name: string,
  run: (bundle: Bundle) => Promise<void> | void,
  { except = {}, globals = [], impossible, isProvenHere = false, unaided = false }: CaseOptions = {},
): void {
  for (const runtime of runtimes) {
    const isPeer = runtime.name !== "tiffin";
    if (chosen !== undefined && !chosen.includes(runtime.label) && !(isPeer && isProvenHere)) continue;
    if (unaided && runtime.label === "tiffin alone") continue;
    const missing = runtime.path === undefined ? "not installed" : undefined;
    const reason = impossible ?? except[runtime.name] ?? missing ?? refusalOf(runtime.name);
    const isRoot = process.geteuid?.() === 0;
    if (reason !== undefined && !(mustRun && runtime.path === undefined && runtime.name === "tiffin")) {
      test.skip(`${runtime.label}: ${name} (${reason})`, () => {});
      continue;
    }
    test.skipIf(!isRoot)(
      `${runtime.label}: ${name}`,
      async () => {
        if (runtime.path === undefined) throw new Error("dist/tiffin-runtime is missing: npm run build");
        await using bundle = new Bundle(runtime.path, globals);
        await run(bundle);
      },
      // Races of the others are not ours to mend, and a case that they pass at all is proven. Ours has one attempt.
      { retry: isPeer ? 2 : 0 },
    );
  }
}

const ownLimitMs = 60_000;

/** One test for our runtime, called with a helper and without one: for what the others cannot be asked to stand. */
export function eachOfOurs(
  name: string,
  run: (bundle: Bundle, how: "helped" | "alone") => Promise<void>,
): void {
  for (const { name: whose, label, path } of runtimes) {
    if (whose !== "tiffin") continue;
    const mayRun = path !== undefined && process.geteuid?.() === 0;
    test.skipIf(!mayRun)(
      `${label}: ${name}`,
      async () => {
        await using bundle = new Bundle(path ?? "");
        await run(bundle, label === "tiffin" ? "helped" : "alone");
      },
      ownLimitMs,
    );
  }
}

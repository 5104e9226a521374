/**
 * Which tests run beside others, decided by what each file says, so that a new file is in the right lane without being listed.
 *
 * - `machines`: the emulated machines, which share nothing with this one but its processors.
 * - `host`: one after the other, and nothing but the machines beside them. They are about the kernel and the OCI runtime, or
 *   look at, or change, what the whole host shares (`sharedThings`).
 * - `apart`: the others, several at once. Each has engines, directories, groups and links of its own and looks at nothing else.
 *
 * `bun tools/lanes.ts LANE` prints the batches of a lane, a line each: the files that one runner takes.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

export type Lane = "machines" | "host" | "apart";

const machineTests = "test/vm/vm.test.ts";

/** What is in them stands for the host as a whole. */
const hostDirectories = ["bench/", "executor/", "src/kernel/", "src/runtime/", "test/runtime/"];

/** In a network namespace of its own a file may do to its network what it likes. */
const ownNetwork = /from "[./\w-]*\/in-own-netns\.ts"/;

interface SharedThing {
  readonly what: string;
  readonly pattern: RegExp;
  readonly unless?: RegExp;
}

export const sharedThings: readonly SharedThing[] = [
  { what: "the resident helper of tiffin-runtime", pattern: /["'`/]tiffin-runtime\b|"@helper"/ },
  { what: "all processes of the host", pattern: /\(["'`]\/proc["'`]\)|"(?:pgrep|pidof|pkill)"/ },
  { what: "the socket of the machine's own engine", pattern: /\/run\/docker\.sock/ },
  {
    what: "the host's links, addresses and firewall",
    pattern: /"(?:ip|nft|iptables)"|\biptables\(|writeSysctl\(/,
    unless: ownNetwork,
  },
  { what: "the host's loop devices", pattern: /"losetup"|\/dev\/loop/ },
  { what: "how busy the host is", pattern: /\/proc\/(?:stat|loadavg|meminfo|vmstat)\b|\bloadavg\(/ },
];

/** Modules of the tests that look at the whole host, but only for what belongs to one engine. */
export const scopedModules: readonly string[] = ["test/support/host-snapshot.ts"];

/** The modules below `test/` that `file` is made of, itself among them. */
function modulesOf(project: string, file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file) || scopedModules.includes(file) || !existsSync(join(project, file))) return seen;
  seen.add(file);
  for (const [, path = ""] of readFileSync(join(project, file), "utf8").matchAll(/from "(\.[^"]+)"/g)) {
    const imported = normalize(join(dirname(file), path));
    if (imported.startsWith("test/")) modulesOf(project, imported, seen);
  }
  return seen;
}

/** What of the whole host `text` has to do with; undefined: nothing. */
export function sharedThingIn(text: string): string | undefined {
  return sharedThings.find(({ pattern, unless }) => pattern.test(text) && unless?.test(text) !== true)?.what;
}

/** Why `file` is in the lane `host`; undefined when it is not. */
export function reasonForHost(project: string, file: string): string | undefined {
  const directory = hostDirectories.find((each) => file.startsWith(each));
  if (directory !== undefined) return `it is in ${directory}`;
  for (const module of modulesOf(project, file)) {
    const found = sharedThingIn(readFileSync(join(project, module), "utf8"));
    if (found !== undefined) return module === file ? found : `${found} (${module})`;
  }
  return undefined;
}

export function laneOf(project: string, file: string): Lane {
  if (file === machineTests) return "machines";
  return reasonForHost(project, file) === undefined ? "apart" : "host";
}

export function testFiles(project: string): string[] {
  return [...new Bun.Glob("{src,test,tools,bench,executor}/**/*.test.ts").scanSync(project)].sort();
}

/** What takes long begins early, so that no runner is left with it alone at the end. */
const longFirst = ["test/recovery/", "test/scenario/", "test/compat/", "src/engine/"];

/** What such a test needs is built beside the others. */
const waitsForGo = "test/support/go-programs.ts";

function rank(project: string, file: string): number {
  if (modulesOf(project, file).has(waitsForGo)) return longFirst.length + 1;
  const place = longFirst.findIndex((each) => file.startsWith(each));
  return place === -1 ? longFirst.length : place;
}

/** What one runner takes at a time: a file with engines of its own, or all of a folder of quick ones. */
function batchOf(file: string): string {
  if (/^test\/|\.kernel\.test\.ts$/.test(file)) return file;
  return file.split("/", file.startsWith("src/engine/") ? 3 : file.startsWith("src/") ? 2 : 1).join("/");
}

/** The files of `lane`, in batches if it is the one whose files run at the same time. */
export function batches(project: string, lane: Lane): string[][] {
  const files = testFiles(project).filter((file) => laneOf(project, file) === lane);
  if (lane !== "apart") return [files];
  return [...Map.groupBy(files, batchOf).values()].sort(
    ([a = ""], [b = ""]) => rank(project, a) - rank(project, b),
  );
}

if (import.meta.main) {
  const project = join(import.meta.dir, "..");
  const [lane = "", detail] = process.argv.slice(2);
  if (lane !== "machines" && lane !== "host" && lane !== "apart")
    throw new Error("usage: lanes.ts machines|host|apart [--why]");
  for (const files of batches(project, lane))
    if (detail === "--why") for (const file of files) console.log(file, reasonForHost(project, file) ?? "");
    else console.log(files.map((file) => `./${file}`).join(" "));
}

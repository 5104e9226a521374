/** The OCI runtime: gives its command line the executor and the environment, or serves others as their helper. */
import path from "../../executor/build/tiffin-executor" with { type: "file" };
import { front, helper } from "../abi/front.ts";
import { lowerFdLimit } from "../kernel/process-limits.ts";
import { TiffinError } from "../lib/errors.ts";
import { ownHost } from "../oci-runtime/host/own-host.ts";
import { helperWord } from "../oci-runtime/resident/place.ts";
import { runRuntimeCommand } from "../oci-runtime/run-command.ts";
import { version } from "./version.ts";

// Not readFileSync: loading `node:fs` takes longer than all that a `state` does.
const executor = (): Promise<Uint8Array> => Bun.file(path).bytes();

/** How long a helper stays when nobody asks it, unless the one who started it said something else. */
const idleSeconds = 60;
/** The front has gone to another directory when the caller's is not there any more, and says so in the name. */
function currentDirectory(): string {
  if (!process.argv0.startsWith(front.lostDirectory)) return process.cwd();
  throw new TiffinError("invalid", "runtime.directory-removed", "the current directory has been removed", {
    remedy: "give absolute paths",
  });
}

/** Bun raises its limit of descriptors; what we start has the caller's, which the front has put into our name. */
function keepFdLimit(): void {
  const [limit = ""] = process.argv0.split("/").slice(-2);
  // With fewer a container may not be made.
  if (/^\d{3,}$/.test(limit) && Number(limit) >= front.leastFiles) lowerFdLimit(Number(limit));
}

export async function runRuntime(words: readonly string[]): Promise<number> {
  if (words[0] === helperWord) return serve(words[1] ?? "");
  keepFdLimit();
  const hasAsked = process.env[helper.askedVariable] !== undefined;
  // Programs and hooks have what the caller has given.
  if (hasAsked) delete process.env[helper.askedVariable];
  const host = ownHost({ version, env: process.env, cwd: currentDirectory, executor });
  let leavesHelper = false;
  const code = await runRuntimeCommand(words, host, {
    chosen: (row) => {
      leavesHelper = row.leavesHelper === true;
    },
  });
  if (leavesHelper && !hasAsked) {
    (await import("../oci-runtime/resident/start-helper.ts")).startHelper(host);
  }
  return code;
}

async function serve(wish: string): Promise<number> {
  // The executable starts with a policy for commands that end in a few milliseconds.
  Bun.unsafe.setJITPolicy(1);
  const { serveFronts } = await import("../oci-runtime/resident/serve.ts");
  const seconds = /^\d{1,6}$/.test(wish) ? Number(wish) : idleSeconds;
  await serveFronts({ version, executor: await executor(), idleMs: seconds * 1000 });
  return 0;
}

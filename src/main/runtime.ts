/** The OCI runtime: gives its command line the executor and the environment. */
import path from "../../executor/build/tiffin-executor" with { type: "file" };
import { ownHost } from "../runtime/command/own-host.ts";
import { runRuntimeCommand } from "../runtime/command/run-command.ts";
import { version } from "./version.ts";

export function runRuntime(words: readonly string[]): Promise<number> {
  const host = ownHost({
    version,
    env: process.env,
    cwd: () => process.cwd(),
    // Not readFileSync: loading `node:fs` takes longer than all that a `state` does.
    executor: () => Bun.file(path).bytes(),
  });
  return runRuntimeCommand(words, host);
}

/** The OCI runtime: gives its command line the executor and the environment. */
import path from "../../executor/build/tiffin-executor" with { type: "file" };
import { runRuntimeCommand } from "../runtime/command/run-command.ts";
import { version } from "./version.ts";

export function runRuntime(words: readonly string[]): Promise<number> {
  return runRuntimeCommand(words, {
    version,
    env: process.env,
    get cwd() {
      return process.cwd();
    },
    // Not readFileSync: loading `node:fs` takes longer than all that a `state` does.
    executor: () => Bun.file(path).bytes(),
  });
}

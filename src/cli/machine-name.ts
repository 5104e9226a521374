import { own } from "../lib/own.ts";

/** Go's names for machines, which all the world's scripts compare with. */
const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** The architecture of this machine: `amd64`. */
export function machineName(): string {
  return own(architectures, process.arch) ?? process.arch;
}

/** The namespaces of a script's process, as words of unshare(1) and nsenter(1). Pure. */
import { own } from "../../lib/own.ts";
import { cloneFlags, namespaceKinds } from "../../linux/clone-flags.ts";
import type { Plan } from "../plan.ts";
import { namespaceNames } from "./op-script.ts";
import type { Places } from "./places.ts";

const unshareWords: Readonly<Record<string, string>> = {
  user: "--user",
  ipc: "--ipc",
  uts: "--uts",
  network: "--net",
  pid: "--pid --fork",
  time: "--time",
  mount: "--mount --propagation private",
};

/** The clone as unshare(1); namespaces that are there already are entered first, by nsenter(1). */
export function cloneCommand({ ops }: Plan, places: Places): string {
  const clone = ops.find((op) => op.op === "clone");
  const flags = clone?.op === "clone" ? BigInt(clone.fields.flags) : 0n;
  const madeBefore = ops.some(
    (op) => op.op === "unshare" && BigInt(op.fields.flags) === BigInt(cloneFlags.newTime),
  );
  const words = Object.entries(namespaceKinds)
    .filter(([kind, { flag }]) => (flags & BigInt(flag)) !== 0n || (kind === "time" && madeBefore))
    .map(([kind]) => own(unshareWords, kind) ?? "");
  const joined = ops.flatMap((op) => {
    if (op.op !== "setns" || op.stage === "parent" || places.missing(op.fields.slot) !== undefined) return [];
    const names: Readonly<Record<string, string>> = { network: "net" };
    return namespaceNames(op.fields.nstype)
      .filter((kind) => kind !== "mount")
      .map((kind) => `--${own(names, kind) ?? kind}=${places.of(op.fields.slot)}`);
  });
  const enter = joined.length === 0 ? "" : `nsenter ${joined.join(" ")} `;
  return `${enter}${words.length === 0 ? "" : `unshare ${words.join(" ")}`}`.trimEnd();
}

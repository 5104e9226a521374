/** Where a script finds what the plan receives as descriptors: files, layers, mounts, control groups. Pure. */
import { oneLine, quote } from "../../lib/shell-words.ts";
import { maskText } from "../explain/mod.ts";
import type { Plan } from "../plan.ts";
import type { ScriptSurroundings } from "./surroundings.ts";
import { heldUsers, userNamespaceOf } from "./user-namespace.ts";

export interface SlotPlaces {
  /** Words of the shell, by the names of slots. */
  readonly known: ReadonlyMap<string, string>;
  /** Lines that make copies of mounts. */
  readonly bound: readonly string[];
  /** Slots whose sources whoever runs the script has to say. */
  readonly hiddenSources: readonly string[];
  /** What is not there, for the notes. */
  readonly missing: readonly string[];
}

export function placeSlots(
  plan: Plan,
  { network, sources, vocabulary }: Pick<ScriptSurroundings, "network" | "sources" | "vocabulary">,
  groupOf: ReadonlyMap<string, string>,
): SlotPlaces {
  const users = userNamespaceOf(plan);
  const known = new Map<string, string>();
  const bound: string[] = [];
  const hiddenSources: string[] = [];
  const missing: string[] = [];
  for (const { name: slot } of plan.receives) {
    const place = groupOf.get(slot);
    if (place !== undefined) known.set(slot, place);
    else if (slot.startsWith("lower:") && sources.has(slot))
      known.set(slot, `"$work"/${slot.replace(":", "-")}`);
    else if (slot === "netns" && network !== undefined) known.set(slot, quote(network.namespace));
    else if (slot.startsWith("bind:")) {
      // Empty: who knows more says that there is none.
      const source = (boundSource(plan, slot) ?? sources.get(slot) ?? mountedSource(plan, slot)) || undefined;
      if (source?.includes(maskText) === true) {
        known.set(slot, `"$SOURCE_${slot.slice("bind:".length)}"`);
        hiddenSources.push(slot);
      } else if (source !== undefined) known.set(slot, quote(source));
      const { slot: number = -1 } = plan.receives.find(({ name: one }) => one === slot) ?? {};
      const place = known.get(slot);
      if (boundSource(plan, slot) === undefined) {
        // It comes as a mount of its own. Of one in another mount namespace mount(8) cannot make a copy.
        known.set(slot, `"$work"/${number}`);
        const at = `"$work"/${number}`;
        if (place !== undefined) bound.push(`clone --rbind ${place} ${at}`);
        else {
          bound.push(`mkdir ${at}; mount -t tmpfs -o nosuid,nodev,noexec shm ${at}`);
          missing.push(
            vocabulary.say(
              "what is at {0} is another container's: an empty file system is in its place",
              targetOf(plan, slot),
            ),
          );
        }
      }
    } else if (slot === users?.slot) known.set(slot, heldUsers);
    else {
      const source = sources.get(slot);
      if (source !== undefined) known.set(slot, quote(source));
    }
  }
  return { known, bound, hiddenSources, missing };
}

/** Its source as it is written in the plan, which has it as a descriptor so that nobody can exchange it in between. */
function boundSource({ ops, receives }: Plan, slotName: string): string | undefined {
  const slot = receives.find(({ name }) => name === slotName)?.slot;
  const clone = ops.find((op) => op.op === "openTree" && op.fields.dir === slot && op.fields.path === null);
  return clone !== undefined && (clone.target.startsWith("/") || clone.target.includes(maskText))
    ? clone.target
    : undefined;
}

/** Where the mount goes. */
export function targetOf({ ops }: Plan, slotName: string): string {
  const cause = `mounts[${slotName.slice("bind:".length)}]`;
  return oneLine(ops.find((op) => op.op === "moveMount" && op.cause === cause)?.target ?? "");
}

/** The same of one that comes as a mount already, where the plan names it. */
function mountedSource({ ops, receives }: Plan, slotName: string): string | undefined {
  const slot = receives.find(({ name }) => name === slotName)?.slot;
  const changed = ops.find((op) => op.op === "mountSetattr" && op.fields.mount === slot);
  const [, source] = /^clone of (.*)$/s.exec(changed?.target ?? "") ?? [];
  return source?.startsWith("/") === true || source?.includes(maskText) === true ? source : undefined;
}

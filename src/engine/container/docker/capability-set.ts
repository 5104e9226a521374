/** Which capabilities a client asks for: a default set, changed by `--cap-add` and `--cap-drop`. Pure. */
import { TiffinError } from "../../../lib/errors.ts";
import { defaultCapabilities } from "../../../linux/capabilities.ts";

const all = "ALL";
const defaults: readonly string[] = defaultCapabilities;

function normalise(option: "CapAdd" | "CapDrop", word: string, known: readonly string[]): string {
  const upper = word.toUpperCase();
  if (upper === all) return all;
  const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if (known.includes(name)) return name;
  throw new TiffinError(
    "invalid",
    "container.capability",
    `invalid ${option}: unknown capability: "${word.toUpperCase().startsWith("CAP_") ? upper : name}"`,
    { remedy: "capabilities(7) lists their names; ALL means each of them" },
  );
}

export interface CapabilityRequest {
  readonly privileged: boolean;
  readonly add: readonly string[];
  readonly drop: readonly string[];
}

/** The set, in the order of `known`. Throws `container.capability` for a word that names none. */
export function decideCapabilities(request: CapabilityRequest, known: readonly string[]): string[] {
  const add = new Set(request.add.map((word) => normalise("CapAdd", word, known)));
  const drop = new Set(request.drop.map((word) => normalise("CapDrop", word, known)));
  const wanted = (name: string): boolean => {
    if (request.privileged) return true;
    if (add.has(all)) return !drop.has(name);
    if (drop.has(all)) return add.has(name);
    return add.has(name) || (defaults.includes(name) && !drop.has(name));
  };
  return known.filter(wanted);
}

/** Capability names as the masks of capset, cut to what this host can give. */
import {
  type CapabilityName,
  capabilityMask,
  capabilityNumbers,
  parseCapability,
} from "../linux/capabilities.ts";
import type { HostFacts } from "../linux/host-facts.ts";
import type { OciCapabilities } from "../oci/mod.ts";
import type { PlanBuilder } from "./builder.ts";

export interface CapabilityMasks {
  readonly bounding: bigint;
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
  readonly ambient: bigint;
}

interface Giver {
  readonly facts: HostFacts;
  readonly builder: PlanBuilder;
  /** A user namespace of its own has every capability that the kernel knows. */
  readonly ownUserNamespace: boolean;
}

/** Without a `capabilities` section the process gets none. */
export function capabilityMasks(sets: OciCapabilities | undefined, giver: Giver): CapabilityMasks {
  const has = new Set(giver.facts.identity.bounding);
  const given = (names: readonly string[] | undefined, set: string): bigint =>
    capabilityMask(namesThatHostHas(names ?? [], set, giver, has));
  const inheritable = given(sets?.inheritable, "inheritable");
  const permitted = given(sets?.permitted, "permitted");
  return {
    bounding: given(sets?.bounding, "bounding"),
    // The kernel refuses effective bits outside permitted, and ambient bits outside either.
    effective: given(sets?.effective, "effective") & permitted,
    permitted,
    inheritable,
    ambient: given(sets?.ambient, "ambient") & permitted & inheritable,
  };
}

function namesThatHostHas(
  names: readonly string[],
  set: string,
  { facts, builder, ownUserNamespace }: Giver,
  has: ReadonlySet<string>,
): CapabilityName[] {
  return names.flatMap((text) => {
    const name = parseCapability(text);
    if (name === undefined) {
      builder.warn(`process.capabilities.${set} has the unknown capability ${JSON.stringify(text)}: ignored`);
      return [];
    }
    const known = capabilityNumbers[name] <= facts.identity.lastCapability;
    if (known && (ownUserNamespace || has.has(name))) return [name];
    builder.warn(
      `${name} cannot be given: ${known ? "the engine does not have it" : "the kernel does not know it"}`,
    );
    return [];
  });
}

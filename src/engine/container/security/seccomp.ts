/**
 * Which system calls a container may make, as a compiled program. The default profile depends on the capabilities;
 * programs are compiled once per profile and set, and kept on disk for the next engine.
 */
import { compileSeccomp } from "../../../kernel/seccomp.ts";
import { decodeConfiguration, readConfiguration } from "../../../lib/configuration.ts";
import { TiffinError } from "../../../lib/errors.ts";
import type { HostFacts } from "../../../linux/host-facts.ts";
import { type SeccompProfile, seccompFlags } from "../../../linux/seccomp.ts";
import { defaultSeccompProfile } from "../../../linux/seccomp-default.ts";
import type { SeccompSetting } from "../specification/mod.ts";
import { decodeSeccompProfile } from "./seccomp-profile.ts";

/** What the `seccomp` operation of a plan needs. */
export interface SeccompFilter {
  /** struct sock_filter array. */
  readonly program: Uint8Array;
  /** SECCOMP_FILTER_FLAG_*. */
  readonly flags: number;
}

export interface SeccompCompiler {
  /** The filter; undefined for an unconfined process. */
  filter(
    setting: SeccompSetting,
    capabilities: readonly string[],
    privileged: boolean,
  ): SeccompFilter | undefined;
  /** The same in words, for another runtime to compile. */
  profile(
    setting: SeccompSetting,
    capabilities: readonly string[],
    privileged: boolean,
  ): SeccompProfile | undefined;
}

const rememberedFilters = 32;

/** `cacheDirectory` outlives the engine. */
export function seccompCompiler(facts: HostFacts, cacheDirectory: string): SeccompCompiler {
  const remembered = new Map<string, SeccompFilter>();
  const isUnfiltered = ({ kind }: SeccompSetting, privileged: boolean): boolean =>
    kind === "unconfined" || (kind === "default" && privileged);
  const profileOf = (setting: SeccompSetting, capabilities: readonly string[]): SeccompProfile =>
    setting.kind === "profile"
      ? customProfile(setting.profile, capabilities, facts)
      : defaultSeccompProfile(facts.kernel.machine, capabilities);
  return {
    profile: (setting, capabilities, privileged) =>
      isUnfiltered(setting, privileged) ? undefined : profileOf(setting, capabilities),
    filter(setting, capabilities, privileged) {
      if (isUnfiltered(setting, privileged)) return undefined;
      const key = `${setting.kind === "profile" ? setting.profile : ""}\n${capabilities.join()}`;
      const known = remembered.get(key);
      if (known !== undefined) return known;
      const profile = profileOf(setting, capabilities);
      const filter = { program: compileSeccomp(profile, cacheDirectory), flags: seccompFlags(profile) };
      if (remembered.size >= rememberedFilters) remembered.clear();
      remembered.set(key, filter);
      return filter;
    },
  };
}

const architectures = {
  x86_64: { architecture: "amd64", ociArchitecture: "SCMP_ARCH_X86_64" },
  aarch64: { architecture: "arm64", ociArchitecture: "SCMP_ARCH_AARCH64" },
} as const;

/** `profile` is the profile's text, or the path of a file that holds it. */
function customProfile(profile: string, capabilities: readonly string[], facts: HostFacts): SeccompProfile {
  const { kernel } = facts;
  const subject = { capabilities, kernel, ...architectures[kernel.machine] };
  const code = "container.seccomp-profile";
  const form = { code, decode: (document: unknown) => decodeSeccompProfile(document, subject) };
  if (!profile.startsWith("/")) return decodeConfiguration("seccomp profile", profile, form);
  const found = readConfiguration(profile, form);
  if (found !== undefined) return found;
  throw new TiffinError("invalid", code, `${profile}: there is no such file`);
}

/** `--security-opt` words decoded. */
import { TiffinError } from "../../../lib/errors.ts";
import { own } from "../../../lib/own.ts";
import type { SeccompSetting } from "../specification/mod.ts";

export interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  readonly seccomp: SeccompSetting;
  /** Present when it is asked for: the container may make groups below its own. */
  readonly writableCgroups?: true;
}

/** Decodes the list; `key=value` and the older `key:value`. Errors: `container.security-option`. */
export function decodeSecurityOptions(options: readonly string[]): SecurityOptions {
  let noNewPrivileges = false;
  let seccomp: SeccompSetting = { kind: "default" };
  let writableCgroups = false;
  for (const option of options) {
    if (option === "no-new-privileges") {
      noNewPrivileges = true;
      continue;
    }
    const split = option.search(/[=:]/);
    const key = split < 0 ? option : option.slice(0, split);
    const value = split < 0 ? "" : option.slice(split + 1);
    if (key === "no-new-privileges" && (value === "true" || value === "false")) {
      noNewPrivileges = value === "true";
    } else if (key === "writable-cgroups" && (value === "true" || value === "false")) {
      writableCgroups = value === "true";
    } else if (key === "seccomp" && value !== "") {
      seccomp = seccompOf(value);
    } else if (
      !((key === "apparmor" && value === "unconfined") || (key === "label" && value === "disable"))
    ) {
      // Asking for an AppArmor profile or an SELinux label that cannot be given must not pass silently.
      throw new TiffinError(
        "invalid",
        "container.security-option",
        `invalid --security-opt: "${option}"${own(reasons, key) ?? ""}`,
      );
    }
  }
  return { noNewPrivileges, seccomp, ...(writableCgroups && { writableCgroups }) };
}

const reasons: Readonly<Record<string, string>> = {
  apparmor: ": a profile of AppArmor cannot be given to a container here, only unconfined",
  label: ": an SELinux label cannot be given to a container here, only disable",
};

function seccompOf(value: string): SeccompSetting {
  if (value === "builtin" || value === "default") return { kind: "default" };
  return value === "unconfined" ? { kind: "unconfined" } : { kind: "profile", profile: value };
}

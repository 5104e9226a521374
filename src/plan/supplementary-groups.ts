/**
 * Supplementary groups of a process. A user namespace can forbid setgroups(2) for ever (user_namespaces(7)): then nobody in it
 * has other groups than those that it came with, and a demand for others is left out, as every runtime does.
 */
import type { HostFacts } from "../linux/host-facts.ts";
import type { LinuxSpec } from "../oci/mod.ts";
import type { PlanBuilder } from "./builder.ts";
import { isOnly } from "./identity.ts";

/** May setgroups(2) be called? Of a namespace that somebody else has made only the kernel knows, once one is in it. */
export type GroupsRule = "allowed" | "forbidden" | "unknown";

/**
 * It is forbidden where it was where the caller is, and must be for a new user namespace of somebody without rights over
 * groups, who may map the own group alone.
 */
export function groupsRule(
  { namespaces, gidMappings }: Pick<LinuxSpec, "namespaces" | "gidMappings">,
  { effective, gid, setgroupsDenied }: HostFacts["identity"],
): GroupsRule {
  if (setgroupsDenied) return "forbidden";
  const own = (namespaces ?? []).find(({ type }) => type === "user");
  if (own === undefined) return "allowed";
  if ((own.path ?? "") !== "") return "unknown";
  if (effective.includes("CAP_SETGID")) return "allowed";
  return isOnly(gidMappings, gid) ? "forbidden" : "allowed";
}

/** The process has `groups` and no others, as far as the rule lets it. */
export function setGroups(
  builder: PlanBuilder,
  rule: GroupsRule,
  groups: readonly number[],
  cause: string,
): void {
  if (rule === "forbidden") {
    if (groups.length === 0) return;
    builder.warn(`groups ${groups.join(", ")} are left out: setgroups is forbidden in the user namespace`);
    return;
  }
  const list = new DataView(new ArrayBuffer(groups.length * 4));
  for (const [index, group] of groups.entries()) list.setUint32(index * 4, group, true);
  const fields = { groups: new Uint8Array(list.buffer), mayBeForbidden: rule === "unknown" ? 1 : 0 };
  const target = groups.length === 0 ? "no groups" : `groups ${groups.join(" ")}`;
  builder.child({ op: "setGroups", fields }, cause, target);
}

/**
 * Before a user namespace is entered in which they could not be given up any more: the caller's own groups open files of the
 * host, mapped there or not.
 */
export function dropGroupsBeforeEntry(
  builder: PlanBuilder,
  rule: GroupsRule,
  { identity }: HostFacts,
  stage: "prepare" | "child",
  cause: string,
): void {
  if (rule === "allowed" || identity.setgroupsDenied || !identity.effective.includes("CAP_SETGID")) return;
  const fields = { groups: new Uint8Array(0), mayBeForbidden: 0 };
  builder[stage]({ op: "setGroups", fields }, cause, "no groups of the caller");
}

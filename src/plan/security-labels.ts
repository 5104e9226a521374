/** AppArmor profile and SELinux label of the program: written to the process's own attributes, just before exec. */
import { TiffinError } from "../lib/errors.ts";
import type { HostFacts } from "../linux/host-facts.ts";
import { mountAttributes } from "../linux/mount-flags.ts";
import type { OciProcess } from "../oci/mod.ts";
import type { PlanBuilder } from "./builder.ts";

export interface SecurityLabel {
  readonly file: string;
  readonly value: string;
  readonly cause: string;
}

/** Fails closed: a label that the host cannot enforce is an error, as it is for other runtimes. */
export function wantedLabel(process: OciProcess, facts: HostFacts): SecurityLabel | undefined {
  const profile = process.apparmorProfile ?? "";
  if (profile !== "" && (profile !== "unconfined" || facts.security.apparmor)) {
    if (!facts.security.apparmor) refuse("process.apparmorProfile", profile, "AppArmor");
    return { file: "self/attr/apparmor/exec", value: `exec ${profile}`, cause: "process.apparmorProfile" };
  }
  const label = process.selinuxLabel ?? "";
  if (label === "") return undefined;
  if (!facts.security.selinux) refuse("process.selinuxLabel", label, "SELinux");
  return { file: "self/attr/exec", value: label, cause: "process.selinuxLabel" };
}

/** The label of the container's own mounts, as a mount option of SELinux; undefined without one. */
export function mountContext(label: string | undefined, facts: HostFacts): string | undefined {
  if (label === undefined || label === "") return undefined;
  if (!facts.security.selinux) refuse("linux.mountLabel", label, "SELinux");
  return `context=${label}`;
}

function refuse(field: string, value: string, module: string): never {
  throw new TiffinError(
    "invalid",
    "plan.label-not-enforced",
    `${field} is ${JSON.stringify(value)}, but ${module} is not enabled on this host`,
  );
}

/** A procfs for the label alone, made while the child may still mount; returns its slot. */
export function openLabelProc(builder: PlanBuilder, label: SecurityLabel): number {
  const out = builder.slot();
  const { noSuid, noDevices, noExec } = mountAttributes;
  const attributes = noSuid | noDevices | noExec;
  const fields = { out, type: "proc", source: "proc", options: [], attributes };
  builder.child({ op: "fsMount", fields }, label.cause, "private proc");
  return out;
}

export function writeLabel(builder: PlanBuilder, label: SecurityLabel, proc: number): void {
  const data = new TextEncoder().encode(label.value);
  builder.child(
    { op: "write", fields: { dir: proc, path: label.file, data } },
    label.cause,
    `/proc/${label.file}`,
  );
}

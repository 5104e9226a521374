/** The process of an `exec`: a document of the caller, or the container's own with what the flags change. */
import { readBytes } from "../../kernel/files.ts";
import { limitDocumentBytes } from "../../oci/decode/json.ts";
import { decodeProcess } from "../../oci/decode/process.ts";
import type { OciCapabilities, OciProcess, OciUser } from "../../oci/mod.ts";
import type { CommandContext } from "../command.ts";
import type { ContainerRecord } from "../container/container-record.ts";
import { usage } from "../flags.ts";
import { absolutePath } from "../host/host.ts";

export function execProcess(context: CommandContext, record: ContainerRecord): OciProcess {
  const { flags, host, words } = context;
  const file = flags.text("process");
  const terminal = flags.switch("tty");
  if (file !== undefined) {
    const process = confined(decodeProcess(readBytes(absolutePath(file, host), limitDocumentBytes)), record);
    return terminal ? { ...process, terminal } : process;
  }
  const args = words.slice(1);
  if (args.length === 0) throw usage("exec needs a program or --process");
  const own = record.process;
  if (own === undefined) throw usage("the container's configuration has no process: use --process");
  return changed({ ...own, args, terminal }, context);
}

/** What a document leaves out about rights is the container's: neither more of them nor, by accident, none. */
function confined(process: OciProcess, { process: own }: ContainerRecord): OciProcess {
  const capabilities = process.capabilities ?? own?.capabilities;
  const profile = process.apparmorProfile || own?.apparmorProfile;
  const label = process.selinuxLabel || own?.selinuxLabel;
  return {
    ...process,
    ...(capabilities !== undefined && { capabilities }),
    ...(profile !== undefined && { apparmorProfile: profile }),
    ...(label !== undefined && { selinuxLabel: label }),
  };
}

function changed(process: OciProcess, { flags }: CommandContext): OciProcess {
  const capabilities = withCapabilities(process.capabilities, flags.list("cap"));
  const [profile, label] = [flags.text("apparmor"), flags.text("process-label")];
  return {
    ...process,
    cwd: flags.text("cwd") ?? process.cwd,
    env: [...(process.env ?? []), ...flags.list("env")],
    user: userOf(process.user, flags.text("user"), flags.list("additional-gids")),
    ...(capabilities !== undefined && { capabilities }),
    ...(profile !== undefined && { apparmorProfile: profile }),
    ...(label !== undefined && { selinuxLabel: label }),
    ...(flags.switch("no-new-privs") && { noNewPrivileges: true }),
  };
}

function userOf(own: OciUser, text: string | undefined, additional: readonly string[]): OciUser {
  const groups = [...(own.additionalGids ?? []), ...additional.map((word) => idOf(word))];
  const base = { ...own, ...(groups.length > 0 && { additionalGids: groups }) };
  if (text === undefined) return base;
  const [user = "", ...rest] = text.split(":");
  const group = rest.length === 0 ? undefined : rest.join(":");
  return { ...base, uid: idOf(user), ...(group !== undefined && { gid: idOf(group) }) };
}

function idOf(word: string): number {
  if (!/^\d{1,10}$/.test(word)) throw usage(`${JSON.stringify(word)} is not a numeric id`);
  return Number(word);
}

function withCapabilities(
  own: OciCapabilities | undefined,
  more: readonly string[],
): OciCapabilities | undefined {
  if (more.length === 0) return own;
  const add = (set: readonly string[] | undefined): string[] => [...new Set([...(set ?? []), ...more])];
  return {
    ...own,
    bounding: add(own?.bounding),
    effective: add(own?.effective),
    permitted: add(own?.permitted),
    // Raised only where the container's configuration has it inheritable too: no exec widens that set.
    ambient: add(own?.ambient),
  };
}

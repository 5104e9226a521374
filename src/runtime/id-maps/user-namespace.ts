/**
 * User namespaces with given mappings, as descriptors for idmapped mounts. A namespace needs a process to be born
 * with, so an executor performs a plan that stops at its sync point, where the namespace is opened; refusing the GO
 * ends the process, and the descriptor keeps the namespace.
 */
import { slotNone } from "../../abi/schema.ts";
import { openFile, openFlags } from "../../kernel/files.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { TiffinError } from "../../lib/errors.ts";
import { cloneFlags } from "../../linux/clone-flags.ts";
import type { Plan, ProcessOp } from "../../plan/mod.ts";
import type { LaunchRequest } from "../supervised-process.ts";

const mark = 1;
const syncId = 1;
const explanation = {
  cause: "idmapped mounts",
  target: "user namespace",
  inverse: "namespace ends with its last descriptor",
} as const;

/** Thrown at the sync point: the launch has served its purpose. */
class NamespaceOpened extends Error {}

/** Lines of uid_map or gid_map from a slot's name: `0:100000:65536,...`. */
function mapLines(list: string): string {
  const lines = list.split(",").map((entry) => entry.split(":"));
  const valid = lines.every((line) => line.length === 3 && line.every((number) => /^\d{1,10}$/.test(number)));
  if (!valid) {
    throw new TiffinError(
      "internal",
      "runtime.bad-id-map",
      `id mapping ${JSON.stringify(list)} is malformed`,
    );
  }
  return lines.map((line) => `${line.join(" ")}\n`).join("");
}

/** A plan that makes the namespace and waits at a sync. `name` is the slot's: `idmap:<uids>/<gids>`. */
function namespacePlan(name: string): Plan {
  const [uids = "", gids = ""] = name.slice("idmap:".length).split("/");
  const ops: ProcessOp[] = [
    {
      op: "clone",
      stage: "prepare",
      fields: { flags: cloneFlags.newUser, cgroup: slotNone },
      ...explanation,
    },
    {
      op: "idMap",
      stage: "parent",
      fields: { uidMap: mapLines(uids), gidMap: mapLines(gids), denySetgroups: 0 },
      ...explanation,
    },
    { op: "sync", stage: "parent", fields: { id: syncId }, ...explanation },
    { op: "signalPeer", stage: "parent", fields: { mark }, ...explanation },
    { op: "leave", stage: "parent", fields: { waitExec: 0 }, ...explanation },
    { op: "awaitPeer", stage: "child", fields: { mark }, ...explanation },
    {
      op: "exec",
      stage: "child",
      fields: { candidates: ["/nonexistent"], arguments: ["-"], environment: [] },
      ...explanation,
    },
  ];
  return { receives: [], hostOps: [], ops, warnings: [] };
}

/** Makes the namespace that a plan receives as `idmap:...`. The caller owns the descriptor and may cache it. */
export async function openUserNamespace(
  launch: (request: LaunchRequest) => Promise<unknown>,
  name: string,
): Promise<OwnedFd> {
  let opened: OwnedFd | undefined;
  try {
    await launch({
      plan: namespacePlan(name),
      fds: new Map(),
      onSync(_id, pid) {
        opened = openFile(undefined, `/proc/${pid}/ns/user`, openFlags.readOnly);
        throw new NamespaceOpened();
      },
    });
  } catch (thrown) {
    if (!(thrown instanceof NamespaceOpened)) throw thrown;
  }
  if (opened !== undefined) return opened;
  throw new TiffinError("internal", "runtime.no-user-namespace", "the executor made no user namespace");
}

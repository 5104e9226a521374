/** A container's place in Intel RDT's classes, from `linux.intelRdt` to its deletion. Most containers have none. */
import { readTextIfPossible } from "../kernel/files.ts";
import { enterClass, findResctrl, prepareClass, removeGroup, writeSchemata } from "../kernel/resctrl.ts";
import type { UndoStack } from "../lib/undo-stack.ts";
import { decideResctrl, type ResctrlDecision, type ResctrlRequest, schemataLines } from "../linux/resctrl.ts";

export interface ResctrlClass extends ResctrlDecision {
  readonly mountPoint: string;
}

/** Decides. Throws `unavailable` where resctrl is not mounted. */
export function planResctrl(request: ResctrlRequest, id: string): ResctrlClass {
  const decision = decideResctrl(request, id);
  const mountPoint = findResctrl(readTextIfPossible("/proc/self/mountinfo") ?? "");
  return { ...decision, mountPoint };
}

/** The process exists, and its program does not run yet. */
export function joinResctrl(recorded: ResctrlClass, pid: number, undo: UndoStack): void {
  const made = (path: string): void => undo.push(`resctrl group ${path}`, () => removeGroup(path));
  prepareClass(recorded.mountPoint, recorded, made);
  enterClass(recorded.mountPoint, recorded, pid, made);
}

/** Its processes are gone. A class that the configuration names stays: others may be in it. */
export function leaveResctrl({ mountPoint, directory, isOwn, monitor }: ResctrlClass): void {
  if (monitor !== undefined) removeGroup(mountPoint + monitor);
  if (isOwn) removeGroup(mountPoint + directory);
}

export function updateResctrl({ mountPoint, directory }: ResctrlClass, request: ResctrlRequest): void {
  writeSchemata(mountPoint, directory, schemataLines(request));
}

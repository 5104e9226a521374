/**
 * Places at which a test can make the engine fail or die: `TIFFIN_FAILPOINT=name` throws there, `name:once` only the first time, so that
 * what takes the step back may pass there, `name:kill` ends the process with SIGKILL. The crash tests walk over `failpoints`, so a step that is not listed does not compile.
 */
import { TiffinError } from "../../lib/errors.ts";

export const failpoints = [
  "create.directory",
  "create.row",
  "start.mounts",
  "start.network",
  "start.cgroup",
  "start.token",
  "start.sync",
  "start.launched",
  "start.running",
  "exit.saved",
  "exit.network",
  "exit.cgroup",
  "stop.signalled",
  "pause.frozen",
  "pause.thawed",
  "update.mount",
  "update.join",
  "update.ports",
  "update.group",
  "update.row",
  "update.leave",
  "update.unmount",
  "remove.marked",
  "remove.directory",
  "remove.volumes",
  "remove.row",
  "commit.frozen",
  "commit.layer",
  "commit.image",
  "copy.in",
  "copy.unpacked",
  "copy.out",
  "restart.stopped",
  "health.answered",
  "volume.filled",
  "volume.placed",
  "volume.discarded",
  "exec.token",
  "exec.running",
] as const;
export type Failpoint = (typeof failpoints)[number];

export type FailpointHook = (name: Failpoint) => void;

/** The hook for the value of TIFFIN_FAILPOINT; without one it costs a call. */
export function failpointHook(setting: string | undefined): (name: string) => void {
  if (setting === undefined || setting === "") return () => {};
  const [wanted, action] = setting.split(":");
  let isOver = false;
  return (name) => {
    if (name !== wanted || isOver) return;
    isOver = action === "once";
    if (action === "kill") process.kill(process.pid, "SIGKILL");
    throw new TiffinError("internal", "engine.failpoint", `failpoint ${name}`);
  };
}

/** `SupervisedProcess` over a control connection: the running half of a process's life, launched or found again. */

import { encodeMessage } from "../abi/message.ts";
import type { ByteDuplex } from "../lib/byte-duplex.ts";
import { nowMs } from "../lib/clock.ts";
import { TiffinError } from "../lib/errors.ts";
import { connectDuplex } from "../transport/bun-duplex.ts";
import type { ControlChannel } from "./control-channel.ts";
import { exitRecordOf, lostExit } from "./exit-record.ts";
import { connectSupervisor, removeSocket } from "./listener-socket.ts";
import { readRecord } from "./record.ts";
import type { AttachFlags, ExitRecord, LaunchPhases, SupervisedProcess } from "./supervised-process.ts";

const nanosecondsPerMs = 1_000_000n;

export interface ConnectionOptions {
  readonly channel: ControlChannel;
  readonly socketDirectory: string;
  readonly token: string;
  readonly pid: number;
  readonly startedAtNs: bigint;
  readonly phases?: LaunchPhases;
  readonly attachments?: readonly ByteDuplex[];
  /** Consulted when the supervisor goes away without a word. */
  readonly recordPath?: string;
  /** Hears of the end of the connection; `letGo` when `disconnect` was the reason and the supervisor goes on. */
  readonly onClosed?: (letGo: boolean) => void;
}

/** Takes over the channel's messages; an `exited` that came before is not lost. */
export function superviseOver(options: ConnectionOptions): SupervisedProcess {
  const { channel, socketDirectory, token, pid, startedAtNs } = options;
  const { promise: exited, resolve } = Promise.withResolvers<ExitRecord>();
  let letGo = false;
  let ended = false;
  channel.listen({
    message(message) {
      if (message.name !== "exited") return;
      ended = true;
      resolve(exitRecordOf({ ...message.fields, oomKilled: message.fields.oomKilled !== 0, startedAtNs }));
      channel.close();
    },
    closed() {
      if (!ended && !letGo) {
        // Killed, so its socket is still there.
        removeSocket(socketDirectory, token);
        resolve(exitFromRecord(options.recordPath, startedAtNs));
      }
      options.onClosed?.(letGo);
    },
  });
  return {
    token,
    pid,
    startedAtNs,
    phases: options.phases,
    attachments: options.attachments ?? [],
    exited,
    attach: (flags) => attachTo(socketDirectory, token, flags),
    resize: (rows, columns) => channel.send("resize", { rows, columns }),
    signal: (number) => channel.send("signal", { number }),
    closeStdin: () => channel.send("closeStdin", {}),
    disconnect() {
      letGo = true;
      channel.close();
    },
  };
}

async function attachTo(socketDirectory: string, token: string, flags: AttachFlags): Promise<ByteDuplex> {
  const fd = connectSupervisor(socketDirectory, token);
  if (fd === undefined) {
    throw new TiffinError("unavailable", "runtime.supervisor-gone", `process ${token} has ended`);
  }
  const stream = await connectDuplex({ fd: fd.take() });
  stream.write(encodeMessage("attach", { flags }));
  return stream;
}

/** The record says how it ended, unless the supervisor was killed before it could write. */
function exitFromRecord(path: string | undefined, startedAtNs: bigint): ExitRecord {
  if (path !== undefined) {
    try {
      const record = readRecord(path);
      if (record.state === "exited") return record.exit;
    } catch {
      // Missing or damaged is the same as not written.
    }
  }
  return lostExit(startedAtNs, BigInt(nowMs()) * nanosecondsPerMs);
}

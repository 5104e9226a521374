/** The flags that `create` and `run` have in common, decoded. */

import { windowSize } from "../../kernel/tty.ts";
import type { UnixStream } from "../../kernel/unix-stream.ts";
import type { RuntimeSpec } from "../../oci/mod.ts";
import { type CommandContext, idOf } from "../command.ts";
import { checkId } from "../container/container-record.ts";
import type { ErrorLog } from "../error-log.ts";
import { usage } from "../flags.ts";
import { absolutePath, type RuntimeHost } from "../host/host.ts";
import { bundlePath } from "./bundle.ts";
import { connectConsole } from "./console-socket.ts";

export interface CreateRequest {
  readonly host: RuntimeHost;
  readonly log: ErrorLog;
  readonly root: string;
  /** The group is a scope of systemd. */
  readonly systemdCgroup: boolean;
  readonly id: string;
  /** Absolute. */
  readonly bundle: string;
  /** Stop before the program until `start`; else it runs at once. */
  readonly hold: boolean;
  /** Where the master of the terminal goes, when it is not returned. Refuses what cannot be, before anything is made. */
  readonly console: (spec: RuntimeSpec) => UnixStream | undefined;
  /** Absolute. */
  readonly pidFile: string | undefined;
  /** Absolute. */
  readonly pidfdSocket: string | undefined;
  readonly noPivot: boolean;
  readonly sessionKeyring: boolean;
  readonly preserveFds: number;
  /** Size of a terminal that has none in the configuration. */
  readonly windowSize: { readonly rows: number; readonly columns: number } | undefined;
}

export interface CreationMode {
  readonly hold: boolean;
  /** The caller stays and can serve a terminal itself. */
  readonly foreground: boolean;
}

export function creationRequest(context: CommandContext, { hold, foreground }: CreationMode): CreateRequest {
  const { flags, host } = context;
  const pathFlag = (name: string): string | undefined => {
    const text = flags.text(name);
    return text === undefined ? undefined : absolutePath(text, host);
  };
  const socket = pathFlag("console-socket");
  return {
    host,
    log: context.log,
    root: context.root,
    systemdCgroup: context.systemdCgroup,
    id: checkId(idOf(context)),
    bundle: bundlePath(pathFlag("bundle") ?? host.cwd),
    hold,
    console: (spec) => openConsole(spec, socket, foreground, host),
    pidFile: pathFlag("pid-file"),
    pidfdSocket: pathFlag("pidfd-socket"),
    noPivot: flags.switch("no-pivot"),
    sessionKeyring: !flags.switch("no-new-keyring"),
    preserveFds: flags.number("preserve-fds") ?? 0,
    windowSize: foreground ? windowSize(host.standard[0]) : undefined,
  };
}

function openConsole(
  spec: RuntimeSpec,
  socket: string | undefined,
  foreground: boolean,
  host: RuntimeHost,
): UnixStream | undefined {
  const terminal = spec.process?.terminal === true;
  if (terminal && !foreground && socket === undefined) {
    throw usage("cannot allocate a terminal when detached without --console-socket");
  }
  if (terminal && foreground && socket === undefined) host.enterTerminal();
  if (socket === undefined) return undefined;
  if (!terminal) throw usage("--console-socket is given, but process.terminal is false");
  if (foreground) throw usage("--console-socket is given, but the terminal is served here");
  return connectConsole(socket, host);
}

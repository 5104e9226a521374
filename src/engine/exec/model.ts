/** A further process in a container, from its creation until a while after its end. In memory only. */
import type { ByteDuplex } from "../../lib/byte-duplex.ts";
import type { SupervisedProcess } from "../../runtime/mod.ts";
import type { Container } from "../container/mod.ts";

export interface ExecConfig {
  readonly command: readonly string[];
  readonly env: readonly string[];
  /** Empty: the container's. */
  readonly user: string;
  readonly directory: string;
  readonly privileged: boolean;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly detachKeys: string;
}

export type ExecState =
  | { readonly status: "created" }
  | { readonly status: "starting" }
  | { readonly status: "running"; readonly process: SupervisedProcess }
  | { readonly status: "exited"; readonly exitCode: number };

export interface Exec {
  readonly id: string;
  readonly container: Container;
  readonly config: ExecConfig;
  /** Its exit code can be asked for a while after its end. */
  readonly remembered: boolean;
  state: ExecState;
  size: { readonly rows: number; readonly columns: number } | undefined;
}

/** A started exec in the hands of the client that started it. */
export interface ExecAttachment {
  readonly tty: boolean;
  readonly stream: ByteDuplex;
  /** Absent: the default sequence. */
  readonly detachKeys?: string;
}

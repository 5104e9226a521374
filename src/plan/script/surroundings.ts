/** What a script is written for. Data only. */
import type { HiddenWords, Vocabulary } from "../explain/mod.ts";

/** What a script does for the network, before the container and, by its `later`, after it. */
export interface ScriptNetwork {
  /** File of the network namespace: made by `lines`, or another container's. */
  readonly namespace: string;
  readonly lines: readonly string[];
  readonly notes: readonly string[];
}

export interface ScriptSurroundings {
  /** Of whom. */
  readonly name: string;
  readonly id: string;
  readonly vocabulary: Vocabulary;
  /** Files and directories behind received descriptors, by the names of the plan's slots. */
  readonly sources: ReadonlyMap<string, string>;
  readonly network: ScriptNetwork | undefined;
  /** Variables whose values are not to be written down. */
  readonly masked: ReadonlySet<string>;
  /** Words of the plan that are not, either. */
  readonly hidden: HiddenWords;
  /** Said at the top and on standard error. */
  readonly notes: readonly string[];
  /** A control group that is there while the container itself runs; its addresses and ports are the script's. */
  readonly rival: string | undefined;
}

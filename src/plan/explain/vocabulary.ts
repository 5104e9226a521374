/** What an explanation is made of, in one language. Total: a language that lacks a sentence does not compile. */
import type { OpName } from "../../abi/schema.ts";
import type { HostOp } from "../plan.ts";
import type { Say } from "../say/mod.ts";
import type { Chapter } from "./chapters.ts";
import type { NetworkOpName, RemovalOpName } from "./operation-names.ts";

export type AnyOpName = OpName | HostOp["op"] | NetworkOpName | RemovalOpName;

export interface Vocabulary {
  readonly chapters: Readonly<Record<Chapter, { readonly title: string; readonly meaning: string }>>;
  /** What an operation does and why a container wants it. */
  readonly ops: Readonly<Record<AnyOpName, string>>;
  readonly stages: Readonly<Record<"host" | "prepare" | "parent" | "child", string>>;
  /** A cause, an inverse or an object of an operation, which are written in English; names are left as they are. */
  readonly phrase: (english: string) => string;
  /** What stands in a plan's details, in scripts and in notes. */
  readonly say: Say;
  /** A warning of a plan, which is written in English. */
  readonly warning: (english: string) => string;
  /** Words around the operations. */
  readonly words: {
    readonly undone: string;
    readonly asked: string;
    readonly by: string;
    /** Who asked. */
    readonly flag: (flag: string) => string;
    readonly image: (field: string) => string;
    readonly default: string;
    readonly summary: (operations: number, milliseconds: string | undefined) => string;
    readonly result: string;
    readonly results: Readonly<Record<"done" | "tolerated" | "notReached", string>>;
    readonly failed: (errno: string) => string;
    readonly failedStart: (index: string) => string;
    readonly notStarted: string;
    readonly notMeasured: string;
    readonly changed: string;
    readonly warnings: string;
    readonly hint: string;
    /** Of a network that is the host's own, or nobody's. */
    readonly nothingMade: string;
    readonly needsForce: string;
    readonly difference: (first: string, second: string) => string;
    readonly same: string;
    readonly columns: readonly [string, string, string, string, string, string];
  };
}

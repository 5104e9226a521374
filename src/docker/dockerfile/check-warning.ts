/** What a check tells, and what it has to know beside the Dockerfile. */
import type { CheckRule, checkRules } from "./check-rules.ts";
import type { Lookup } from "./expand.ts";

export interface CheckWarning {
  readonly rule: CheckRule;
  readonly text: string;
  readonly firstLine: number;
  readonly lastLine: number;
}

/** Tells of a place at which a rule is broken. */
export type Warn = <R extends CheckRule>(
  rule: R,
  place: { readonly firstLine: number; readonly lastLine: number },
  ...words: Parameters<(typeof checkRules)[R]>
) => void;

/** What an image says that a stage begins with. */
export interface CheckedBase {
  /** Names of its variables. */
  readonly environment: readonly string[];
  /** `os/architecture[/variant]` */
  readonly platform: string;
}

export interface CheckOptions {
  /** Undefined for one of which nothing is known; left out: nobody has asked. */
  readonly baseOf?: (reference: string) => CheckedBase | undefined;
  /** What is built for, as platforms of images are written. */
  readonly platform?: string;
  readonly arguments: Lookup;
  /** The patterns of the context leave a path out. */
  readonly ignores: (path: string) => boolean;
}

/** What a Dockerfile is made a graph with. */
import type { Lookup } from "../../../docker/dockerfile/expand.ts";
import type { Dockerfile } from "../../../docker/dockerfile/parse-dockerfile.ts";
import type { OciHistory, Platform } from "../../../oci/mod.ts";
import type { ImageConfig } from "../../image/mod.ts";
import type { VertexOutput } from "../graph/mod.ts";
import type { NamedContext } from "../inputs.ts";
import type { OutlineStep } from "../progress.ts";

/** An image that a stage begins with. */
export interface BaseImage {
  readonly id: string;
  readonly config: ImageConfig;
  readonly history: readonly OciHistory[];
  readonly author: string;
  readonly architecture: string;
  readonly os: string;
  readonly variant: string;
  readonly osVersion: string;
}

export interface WantedBase {
  readonly reference: string;
  /** As text; empty is whatever the reference means. */
  readonly platform: string;
}

export function baseKey({ reference, platform }: WantedBase): string {
  return `${reference} ${platform}`;
}

export interface CompileOptions {
  readonly file: Dockerfile;
  readonly target: string;
  readonly arguments: Lookup;
  readonly argumentNames: readonly string[];
  readonly host: Platform;
  /** What the result is for. */
  readonly platform: Platform;
  /** Empty unless there are results for several. */
  readonly platformPrefix: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly noCache: boolean;
  readonly noCacheStages: readonly string[];
  readonly pull: boolean;
  readonly network: "default" | "none" | "host";
  readonly entitlements: ReadonlySet<string>;
  readonly contexts: ReadonlyMap<string, NamedContext>;
  /** Lines of `.dockerignore`s, by the names of their contexts. */
  readonly ignored: ReadonlyMap<string, readonly string[]>;
  /** Of those that are known, by `baseKey`. */
  readonly bases: ReadonlyMap<string, BaseImage>;
}

/** One line of an image's history, before it is known when. */
export interface WrittenHistory {
  readonly createdBy: string;
  readonly emptyLayer: boolean;
}

/** What a stage comes to. */
export interface CompiledStage {
  /** Undefined: nothing at all. */
  readonly root: VertexOutput | undefined;
  readonly config: ImageConfig;
  /** Arguments, which stages that begin with this one have too. */
  readonly declared: ReadonlyMap<string, string | undefined>;
  /** Of the base, and then its own. */
  readonly baseHistory: readonly OciHistory[];
  readonly history: readonly WrittenHistory[];
  readonly author: string;
  readonly platform: Platform & { readonly osVersion: string };
}

export type Compiled =
  /** It cannot be said before these are known. */
  | { readonly kind: "needs"; readonly bases: readonly WantedBase[] }
  | {
      readonly kind: "done";
      readonly result: CompiledStage;
      /** Every instruction that counts, in order. */
      readonly outline: readonly OutlineStep[];
      /** Arguments that nothing has taken. */
      readonly unconsumed: readonly string[];
    };

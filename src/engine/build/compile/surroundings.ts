/** What the parts of a compilation see of the whole. */
import type { Escape, Lookup } from "../../../docker/dockerfile/expand.ts";
import type { PlacedInstruction } from "../../../docker/dockerfile/parse-dockerfile.ts";
import type { Stage } from "../../../docker/dockerfile/stages.ts";
import type { ImageConfig } from "../../image/mod.ts";
import type { Vertex, VertexOutput, VertexWishes } from "../graph/mod.ts";
import type { CompileOptions } from "./compile-options.ts";

export interface WholeFile {
  readonly options: CompileOptions;
  /** `ARG`s before the first stage. */
  readonly globals: ReadonlyMap<string, string | undefined>;
  readonly predefined: Lookup;
  /** Arguments that an `ARG` has taken. */
  readonly consumed: Set<string>;
  readonly hasSeveralStages: boolean;
  /** What `--from=NAME` of a stage's step means; undefined for nothing at all. */
  filesOf(name: string, stage: Stage): VertexOutput | undefined;
  /** The directory that is built from. */
  mainContext(): VertexOutput;
}

export interface StageInProgress {
  readonly whole: WholeFile;
  readonly stage: Stage;
  readonly config: ImageConfig;
  readonly escape: Escape;
  readonly ignoreCache: boolean;
  /** Undefined: nothing yet. */
  readonly root: VertexOutput | undefined;
  /** Arguments in the order of their `ARG`s. */
  readonly declared: ReadonlyMap<string, string | undefined>;
  /** Those of the stage that this one begins with. */
  readonly inherited: ReadonlyMap<string, string | undefined>;
  /** What a variable stands for: the environment first, then arguments. */
  readonly lookup: Lookup;
  readonly expand: (word: string) => string;
  title(shown: string): string;
  /** A vertex of this stage, named and placed. */
  vertex(
    instruction: PlacedInstruction,
    shown: string,
    wishes: Pick<VertexWishes, "operation" | "inputs">,
  ): Vertex;
  /** The stage goes on from here. */
  became(root: VertexOutput, createdBy: string): void;
}

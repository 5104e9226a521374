import type { ArchiveContext } from "../archive/mod.ts";
import type { ContainerContext } from "../context.ts";
import type { ProcessContext } from "../process/mod.ts";

/** What an image is made of, and where it goes. */
export interface CommitContext extends ArchiveContext, ProcessContext, Pick<ContainerContext, "images"> {}

/** What the compilers of single mounts are told. */
import type { OciMount } from "../oci/mod.ts";
import type { MountRequest } from "./mount-request.ts";

/** One mount while it is compiled. */
export interface MountContext {
  readonly index: number;
  readonly mount: OciMount;
  /** Clean absolute path in the container. */
  readonly destination: string;
  readonly request: MountRequest;
  /** Slot of the container's root. */
  readonly root: number;
  /** `mounts[3]`. */
  readonly cause: string;
}

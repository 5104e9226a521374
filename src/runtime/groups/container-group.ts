/** A container's group, as it is kept between one process of ours and the next. */
import type { CgroupFacts } from "../../linux/host-facts.ts";

/** The same directory in each of its hierarchies. */
export interface ContainerGroup {
  readonly directory: string;
  readonly facts: CgroupFacts;
  /** Names of the hierarchies in which the container was given a group; an update may add others. */
  readonly joined: readonly string[];
  /** With the systemd driver. */
  readonly unit?: ScopeUnit;
}

/** The scope of systemd that a group belongs to, and how to reach the systemd that has it. */
export interface ScopeUnit {
  readonly name: string;
  readonly sockets: readonly ManagerSocket[];
  readonly version: number;
}

/** A socket on which systemd may be reached; a bus, or its own, which it has for when there is no bus. */
export interface ManagerSocket {
  readonly path: string;
  readonly isBus: boolean;
}

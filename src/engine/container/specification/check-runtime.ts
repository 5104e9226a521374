/** What a container cannot have that another OCI runtime makes. Pure. */
import { TiffinError } from "../../../lib/errors.ts";
import type { ContainerSpecification } from "./specification.ts";

export function checkRuntime({ runtime, process, namespaces }: ContainerSpecification): void {
  if (runtime === undefined) return;
  const cannot = (what: string, why: string): never => {
    throw new TiffinError(
      "notImplemented",
      "container.runtime-cannot",
      `${what} is not possible with the runtime ${runtime}: ${why}`,
      { remedy: "leave it out, or leave out --runtime" },
    );
  };
  if (process.init)
    cannot("--init", "the first process in front of the program is a part of the engine's own executor");
  if (namespaces.user === "private") {
    cannot(
      "a user namespace of its own",
      "the files that it would be made of are in directories of root alone",
    );
  }
  if (namespaces.time !== null) cannot("a time namespace", "not every runtime knows of them");
}

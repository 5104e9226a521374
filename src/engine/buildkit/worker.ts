/** What BuildKit's clients are told about who builds. */
import { createHash } from "node:crypto";
import { type WorkerRecord, workerRecord } from "../../buildkit/mod.ts";
import type { BuildKitParts } from "./buildkit-parts.ts";

const labels = "org.mobyproject.buildkit.worker.";
const idDigits = 25;

export function workerOf({ directory, version, host, hostGateway }: BuildKitParts): WorkerRecord {
  const gateway = hostGateway();
  const { os, architecture, variant } = host;
  return workerRecord.of({
    // The same as long as the engine's directory is.
    id: createHash("sha256").update(directory).digest("hex").slice(0, idDigits),
    labels: new Map([
      [`${labels}executor`, "tiffin"],
      // By this one clients know that all outputs, several platforms and caches elsewhere can be had.
      [`${labels}snapshotter`, "tiffin"],
      ...(gateway === undefined ? [] : [[`${labels}moby.host-gateway-ip`, gateway] as const]),
    ]),
    platforms: [{ os, architecture, variant, osVersion: "", osFeatures: [] }],
    version: { package: "tiffin", version, revision: "", dockerfileVersion: "" },
  });
}

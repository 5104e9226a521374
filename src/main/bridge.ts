/**
 * The second run of this program that speaks TCP or TLS for the first (`dial-out.ts`): descriptor 0 is the caller's connection,
 * 3 holds the address with its certificates, 4 is told how the connection to the engine went.
 */
import { closeSync, readFileSync, writeSync } from "node:fs";
import { unreachable } from "../client/api-error.ts";
import { dial } from "../client/dial.ts";
import type { Endpoint } from "../client/endpoint.ts";
import { joinUntilEngineEnds } from "../client/standard-streams.ts";
import type { ByteDuplex } from "../lib/byte-duplex.ts";
import { TiffinError } from "../lib/errors.ts";
import { connectDuplex } from "../transport/bun-duplex.ts";

/** No command has this name. */
export const bridgeWord = "@bridge";
export const bridgeFds = { caller: 0, endpoint: 3, report: 4 } as const;

async function dialed(endpoint: Endpoint): Promise<ByteDuplex | undefined> {
  try {
    return await dial(endpoint);
  } catch (thrown) {
    const error = thrown instanceof TiffinError ? thrown : unreachable(endpoint.text, thrown);
    const { kind, code, message, remedy } = error;
    writeSync(bridgeFds.report, JSON.stringify({ kind, code, message, remedy }));
    return undefined;
  }
}

export async function runBridge(): Promise<number> {
  // What the run before this one has written, which is no document from outside.
  const endpoint = JSON.parse(readFileSync(bridgeFds.endpoint, "utf8")) as Endpoint;
  const engine = await dialed(endpoint);
  closeSync(bridgeFds.report);
  if (engine === undefined) return 1;
  await joinUntilEngineEnds(await connectDuplex({ fd: bridgeFds.caller }), engine);
  return 0;
}

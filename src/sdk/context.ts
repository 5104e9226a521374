/** What the objects of one engine share. */
import type { ApiClient } from "../client/api-client.ts";
import type { Endpoint } from "../client/endpoint.ts";
import type { ByteDuplex } from "../lib/byte-duplex.ts";

export interface EngineContext {
  readonly api: ApiClient<ByteDuplex>;
  readonly endpoint: Endpoint;
}

/** For calls that may be given up. */
export interface Cancellable {
  readonly signal?: AbortSignal | undefined;
}

/** Docker's filters: `{ label: ["course=soup"] }`. */
export type Filters = Readonly<Record<string, readonly string[]>>;

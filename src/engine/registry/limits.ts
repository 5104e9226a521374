/** How patient a registry client is, unless it is told otherwise; and the limits that nobody changes. */
import type { RegistryLimits } from "./contract.ts";

export const defaultLimits: RegistryLimits = {
  // What they bring is digested and written by one thread, which two keep busy; each more takes some 20 MB.
  parallelLayers: 2,
  parallelRanges: 4,
  stallMs: 30_000,
  slowestBytesPerSecond: 256,
  tries: 5,
  backoffMs: 500,
  longestRetryAfterMs: 60_000,
  unpackedLayerBytes: 64 * 1024 ** 3,
};

/** Redirects of one request. */
export const limitRedirects = 10;
/** How often one request is sent again because the registry wants to know who asks. */
export const limitChallenges = 2;
/** What is read of an answer that is an error. */
export const limitErrorBytes = 64 * 1024;
export const limitTokenBytes = 1024 * 1024;
/** Of a listing: a search result. */
export const limitListBytes = 4 * 1024 * 1024;
/** Of a listing of tags, each with at most 1000. */
export const limitTagPages = 100;
/** Layers of one image; overlay itself takes 500. */
export const limitLayers = 1000;
/** Indexes within indexes. */
export const limitIndexDepth = 3;

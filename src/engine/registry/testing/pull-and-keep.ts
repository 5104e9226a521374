/** A program for tests: pulls `REFERENCE` with `STAGING` as its staging directory, and says what has arrived. */
import { writeSync } from "node:fs";
import { parseReference } from "../../../docker/reference.ts";
import { openRegistryClient } from "../registry-client.ts";

const [, , reference = "", staging = ""] = process.argv;
const client = openRegistryClient({ userAgent: "tiffin/test", stagingDirectory: staging });
let bytes = 0;
await client.pullImage(
  { reference: parseReference(reference) },
  {
    hasLayer: () => false,
    async takeLayer(_layer, tar) {
      for await (const piece of tar) {
        bytes += piece.length;
        writeSync(1, `${bytes}\n`);
      }
    },
    takeImage: () => undefined,
  },
);

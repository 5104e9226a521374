/** A directory for one test, removed by `using`. */
import { mkdtempSync, rmSync } from "node:fs";

export interface TemporaryDirectory extends Disposable {
  readonly path: string;
}

/** `topic` appears in the name, so that a leftover says which test made it. */
export function temporaryDirectory(topic: string): TemporaryDirectory {
  const path = mkdtempSync(`/tmp/tiffin-test-${topic}-`);
  return {
    path,
    [Symbol.dispose]() {
      rmSync(path, { recursive: true, force: true });
    },
  };
}

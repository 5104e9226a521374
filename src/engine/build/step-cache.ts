/** What steps of builds came to, by key. An entry may speak of an image that is gone; it means nothing then. */
import type { Database } from "bun:sqlite";
import { createHash } from "node:crypto";
import type { Writes } from "../store/mod.ts";

/** Part of every key: what a step is may change with the program. */
const keyVersion = 1;

/** All that can matter for what a step comes to. */
export interface StepInputs {
  /** Id of the image that it begins with. */
  readonly parent: string;
  /** As the history has it: the instruction with its variables, and a digest of what is copied. */
  readonly createdBy: string;
  /** The configuration behind it. */
  readonly config: unknown;
  /** Whatever else. */
  readonly further: readonly string[];
}

export function stepKey({ parent, createdBy, config, further }: StepInputs): string {
  const text = JSON.stringify([keyVersion, parent, createdBy, config, further]);
  return createHash("sha256").update(text).digest("hex");
}

export class StepCache {
  readonly #database: Database;
  readonly #writes: Writes;

  constructor(database: Database, writes: Writes) {
    this.#database = database;
    this.#writes = writes;
  }

  imageOf(key: string): string | undefined {
    return this.#database
      .query<{ image_id: string }, [string]>("SELECT image_id FROM build_step WHERE key = ?")
      .get(key)?.image_id;
  }

  put(key: string, imageId: string): void {
    this.#writes.write("a step of a build", () => {
      this.#database.run("INSERT OR REPLACE INTO build_step (key, image_id) VALUES (?, ?)", [key, imageId]);
    });
  }

  /** Ids of all images that are the end of a step. */
  imageIds(): string[] {
    return this.#database
      .query<{ image_id: string }, []>("SELECT DISTINCT image_id FROM build_step")
      .all()
      .map(({ image_id }) => image_id);
  }

  clear(): void {
    this.#writes.write("the cache of builds", () => void this.#database.run("DELETE FROM build_step"));
  }
}

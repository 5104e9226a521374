import { TiffinError } from "../../../lib/errors.ts";

/** What was digested is not what was copied: nothing may be remembered of it. */
export function contextChanged(name: string): TiffinError {
  return new TiffinError(
    "conflict",
    "build.context-changed",
    `${name} of the context changed while it was read`,
    { remedy: "build again when nobody writes there, or leave it out with a .dockerignore" },
  );
}

export function isContextChanged(thrown: unknown): boolean {
  return thrown instanceof TiffinError && thrown.code === "build.context-changed";
}

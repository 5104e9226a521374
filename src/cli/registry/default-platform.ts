/** The platform that a command means: what it was told, or what the user has set for all commands, as Docker's client reads it. */
import type { CliIo } from "../io.ts";

/** Empty for none. */
export function platformFor(given: string, io: Pick<CliIo, "env">): string {
  return given === "" ? (io.env["DOCKER_DEFAULT_PLATFORM"] ?? "") : given;
}

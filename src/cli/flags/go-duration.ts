/** Flags that hold a duration. */
import { parseGoDuration } from "../../docker/go-duration.ts";
import { custom, type Flag } from "./flag.ts";

/** A duration in nanoseconds; undefined while not given. */
export function duration(short: string, help: string): Flag<number | undefined> {
  return custom<number | undefined>(
    short,
    "duration",
    help,
    undefined,
    (_before, value) => parseGoDuration(value),
    {
      shownDefault: "0s",
    },
  );
}

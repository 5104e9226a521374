import { expect, test } from "bun:test";
import { TiffinError } from "../../../lib/errors.ts";
import { decodeBindString, decodeTmpfs, validateMountOptions } from "../docker/mount-spec.ts";
import { validateMountPlace } from "./mount-place.ts";

function said(check: () => void): string {
  try {
    check();
  } catch (thrown) {
    return thrown instanceof TiffinError ? thrown.message : String(thrown);
  }
  return "accepted";
}

test("nothing hides /proc or lies in it but what tells about the container", () => {
  const place = (bind: string): string => said(() => validateMountPlace(decodeBindString(bind)));
  expect(place("/tmp:/proc")).toBe('"/proc" cannot be mounted because it is not of type proc');
  expect(place("/tmp:/proc/../proc/")).toBe('"/proc" cannot be mounted because it is not of type proc');
  expect(place("/proc:/proc")).toBe("accepted");
  expect(place("/tmp:/proc/self/attr")).toBe(
    '"/proc/self/attr" cannot be mounted because it is inside /proc',
  );
  expect(place("vol:/proc/meminfo")).toBe('"/proc/meminfo" cannot be mounted because it is inside /proc');
  expect(place("/tmp/meminfo:/proc/meminfo")).toBe("accepted");
  expect(place("/tmp:/process")).toBe("accepted");
  expect(said(() => validateMountPlace(decodeTmpfs("/", "")))).toContain("destination can't be '/'");
});

test("options of another kind of mount are refused", () => {
  const options = said(() => validateMountOptions({ Type: "tmpfs", Target: "/x", BindOptions: {} }));
  expect(options).toBe('invalid mount config for type "tmpfs": field BindOptions must not be specified');
  expect(said(() => validateMountOptions({ Type: "bind", BindOptions: {} }))).toBe("accepted");
});

test("a volume's name is no longer than that of a directory", () => {
  const long = "v".repeat(255);
  expect(said(() => decodeBindString(`${long}:/v`))).toBe("accepted");
  expect(said(() => decodeBindString(`${long}v:/v`))).toContain("at most 255 characters");
});

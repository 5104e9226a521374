import { expect, test } from "bun:test";
import { mountAttributes, mountPropagations } from "../linux/mount-flags.ts";
import { readMountOptions } from "./mount-request.ts";

const { readOnly, noSuid, noExec, noAccessTime, accessTimeMask } = mountAttributes;

test("words about the mount, its tree and the file system are kept apart", () => {
  const request = readMountOptions(["rbind", "ro", "rnosuid", "size=1m", "rslave", "sync"]);
  expect(request).toEqual({
    bind: "recursive",
    own: { set: readOnly, clear: 0 },
    tree: { set: noSuid, clear: 0 },
    propagation: { type: mountPropagations.slave, recursive: true },
    idmap: "no",
    copyUp: false,
    remount: false,
    parameters: ["sync", "size=1m"],
  });
});

test("of contradicting words the last wins", () => {
  expect(readMountOptions(["ro", "rw"]).own).toEqual({ set: 0, clear: readOnly });
  expect(readMountOptions(["rw", "ro", "exec", "noexec"]).own).toEqual({ set: readOnly | noExec, clear: 0 });
  expect(readMountOptions(["noatime", "relatime"]).own).toEqual({ set: 0, clear: accessTimeMask });
  expect(readMountOptions(["relatime", "noatime"]).own).toEqual({ set: noAccessTime, clear: accessTimeMask });
  expect(readMountOptions(["sync", "async"]).parameters).toEqual([]);
});

test("bind stays recursive once it is", () => {
  expect(readMountOptions(["rbind", "bind"]).bind).toBe("recursive");
  expect(readMountOptions(["bind"]).bind).toBe("single");
});

test("words of mount(8) alone are dropped", () => {
  expect(readMountOptions(["defaults", "nofail", "auto"]).parameters).toEqual([]);
});

/**
 * A file that holds an EROFS image, mounted as a file system that is attached nowhere: it exists as a descriptor, which other
 * mounts can be made of, and is gone when the last of these is. The host never sees it, whatever ends how. Kernels that do not
 * mount such files by themselves (before Linux 6.12) get a loop device, which frees itself with the mount. loop(4)
 */
import { mountAttributes } from "../linux/mount-flags.ts";
import { mountBlock } from "./block-mount.ts";
import { openFile, openFlags } from "./files.ts";
import { attachLoopDevice } from "./loop-device.ts";
import type { OwnedFd } from "./owned-fd.ts";

/** How this kernel mounts an image: `file` by itself, `loop` through a block device. */
export type ImageMountWay = "file" | "loop";

/** The root of the image in the file `path`, mounted read-only. Throws `SyscallError`. */
export function mountImage(path: string, way: ImageMountWay): OwnedFd {
  using image = openFile(undefined, path, openFlags.readOnly);
  // A path may be longer than the kernel takes for an option.
  if (way === "file") return mountSource(`/proc/self/fd/${image.raw}`, path);
  using device = attachLoopDevice(image, "read-only");
  // The mount has the device open from now on; with this descriptor nobody else does.
  return mountSource(device.what, path);
}

function mountSource(source: string, path: string): OwnedFd {
  return mountBlock({
    type: "erofs",
    source,
    // A device that cannot be written is not opened for anything else.
    flags: ["ro"],
    attributes: mountAttributes.readOnly | mountAttributes.noDevices,
    what: `EROFS image ${path}`,
  });
}

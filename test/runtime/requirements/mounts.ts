/** config.md: mounts and the table of Linux mount options */
import { type Requirement, section } from "./row.ts";

const attributes = "every attribute word has its effect on a bind, the last of two that contradict wins";
const fileSystem =
  "words of the file system: sync, dirsync, lazytime and data that the runtime does not know";
const symlinks = "symlinks of a mount are followed or not";
const recursive = "every recursive word has its effect on the whole tree";
const recursiveTimes = "recursive words for access times and symlinks too";
const propagation = "every propagation word sets the propagation of a bind, r for the whole tree";
const binds = "rbind takes the mounts below along, bind does not; a plain word is for the top alone";
const idmap = "idmap: owners through the mount's own mapping, or the container's; without any it is an error";
const relative =
  "a relative destination counts from the root; a missing one is made; files are bound to files";

/** A row for each word of the specification's table. */
function words(level: Requirement["level"], list: string, shown: string, note?: string): Requirement[] {
  return section(
    "config: Linux mount options",
    list.split(" ").map((word) => [level, `\`${word}\``, shown, note] as const),
  );
}

export const mountRequirements = [
  ...section("config: mounts", [
    [
      "MUST",
      "mounts are made in the order in which they are listed",
      "mounts: binds of directories and files, options, order",
    ],
    ["SHOULD", "a destination is an absolute path in the container", relative],
    ["MUST", "a relative destination counts from /", relative],
    [
      "MUST",
      "the source of a bind is absolute, or counts from the bundle",
      "mounts: binds of directories and files, options, order",
    ],
    ["MUST", "a mount is a bind if it has the option bind or rbind, whatever its type", binds],
    [
      "MUST",
      "the type is one of the kernel's file systems",
      "/proc, /sys, /dev/pts and /dev/shm are what they are named after",
    ],
    ["MUST", "uidMappings and gidMappings show the owners through the mapping", idmap],
    ["MUST", "one of the two without the other is an error", idmap],
    ["SHOULD", "they are made by mount_setattr(MOUNT_ATTR_IDMAP)", idmap],
  ]),
  ...words(
    "MUST",
    "async loud silent iversion noiversion nolazytime",
    attributes,
    "what mount(2) has no flag for any more is accepted and means nothing",
  ),
  ...words(
    "MUST",
    "atime diratime relatime norelatime strictatime nostrictatime noatime nodiratime",
    attributes,
  ),
  ...words("MUST", "ro rw suid nosuid dev nodev exec noexec defaults", attributes),
  ...words("MUST", "sync dirsync lazytime", fileSystem),
  ...words("MUST", "bind rbind", binds),
  ...words("MUST", "private rprivate shared rshared slave rslave unbindable runbindable", propagation),
  ...words(
    "MUST",
    "remount",
    "remount changes a mount that is there already",
    "parameters of a file system change only where the container has made it",
  ),
  ...words("MAY", "mand nomand", "every mount option that features names is taken"),
  ...words("SHOULD", "symfollow nosymfollow", symlinks),
  ...words("SHOULD", "rro rrw rsuid rnosuid rdev rnodev rexec rnoexec", recursive),
  ...words(
    "SHOULD",
    "ratime rnoatime rdiratime rnodiratime rrelatime rnorelatime rstrictatime rnostrictatime rsymfollow rnosymfollow",
    recursiveTimes,
  ),
  ...words("MAY", "tmpcopyup", "tmpcopyup fills the new tmpfs with what the image has there"),
  ...words("SHOULD", "idmap ridmap", idmap),
  ...section("config: Linux mount options", [
    ["MUST", "idmap uses the mount's own mapping where it has one", idmap],
    ["MUST", "idmap without a mapping of the mount or of the container is an error", idmap],
    ["SHOULD", "idmap and ridmap are not handed to the file system", idmap],
    [
      "SHOULD",
      "options that the runtime does not know are handed to the file system as data",
      [fileSystem, "data that the file system refuses is an error"],
    ],
    [
      "SHOULD",
      "further options that mount(8) knows mean what they mean there",
      "every mount option that features names is taken",
    ],
  ]),
];

/**
 * The options of a volume of the driver `local`: what mount(2) is to put where the volume is used. Pure. The words are
 * Docker's: `type`, `device` and `o`, the last as mount(8) writes options.
 */
import { TiffinError } from "../../lib/errors.ts";
import { own } from "../../lib/own.ts";

export type DriverOptions = Readonly<Record<string, string>>;

/** What is mounted wherever the volume is used. */
export type LocalMount =
  | {
      readonly kind: "bind";
      readonly source: string;
      readonly recursive: boolean;
      readonly attributes: readonly string[];
    }
  | {
      readonly kind: "file-system";
      readonly type: string;
      readonly source: string;
      /** MS_* of mount(2). */
      readonly flags: number;
      readonly data: readonly string[];
      /** The server of a network's file system, as it was written. */
      readonly server: string | undefined;
    };

const known = ["type", "device", "o", "size"];
const required = ["device", "type"];

/** The flags of mount(2) that a word sets; its opposites clear what is the default anyway. */
const flagWords: Readonly<Record<string, number>> = {
  ro: 1,
  nosuid: 2,
  nodev: 4,
  noexec: 8,
  sync: 16,
  mand: 64,
  dirsync: 128,
  noatime: 1024,
  nodiratime: 2048,
  silent: 1 << 15,
  relatime: 1 << 21,
  strictatime: 1 << 24,
  lazytime: 1 << 25,
};
const opposites = ["rw", "suid", "dev", "exec", "async", "nomand", "atime", "diratime", "loud", "defaults"];
/** What can be said of a bind; the rest belongs to a file system. */
const attributeWords = ["ro", "nosuid", "nodev", "noexec"];
const networkTypes = /^(nfs4?|cifs|smb3)$/;

function refuse(why: string): never {
  throw new TiffinError("invalid", "volume.options", why);
}

/** Whether these are options at all; Docker's words. Errors: `volume.options`. */
export function checkLocalOptions(name: string, options: DriverOptions): void {
  const given = Object.keys(options);
  if (given.length === 0) return;
  const foreign = given.find((key) => !known.includes(key));
  if (foreign !== undefined) refuse(`create ${name}: invalid option: "${foreign}"`);
  if (options["size"] !== undefined) {
    refuse(`create ${name}: quota size requested but no quota support: use type=tmpfs with o=size=...`);
  }
  const missing = required.find((key) => own(options, key) === undefined);
  if (missing !== undefined) refuse(`create ${name}: missing required option: "${missing}"`);
  for (const [key, value] of Object.entries(options)) {
    if (value.includes("\0")) refuse(`create ${name}: option "${key}" holds a NUL byte`);
  }
}

/** What to mount; undefined for a volume that is a directory of the engine. Errors: `volume.options`. */
export function localMountOf(name: string, options: DriverOptions): LocalMount | undefined {
  if (Object.keys(options).length === 0) return undefined;
  const { type = "", device = "", o = "" } = options;
  const words = o.split(",").filter((word) => word !== "");
  if (words.includes("bind") || words.includes("rbind")) {
    if (!device.startsWith("/"))
      refuse(`volume ${name}: a bind needs an absolute device, found ${JSON.stringify(device)}`);
    return {
      kind: "bind",
      source: device,
      recursive: words.includes("rbind"),
      attributes: words.filter((word) => attributeWords.includes(word)),
    };
  }
  let flags = 0;
  const data: string[] = [];
  for (const word of words) {
    const flag = own(flagWords, word);
    if (flag !== undefined) flags |= flag;
    else if (!opposites.includes(word)) data.push(word);
  }
  if (type === "") refuse(`volume ${name}: no type of file system to mount ${JSON.stringify(device)} as`);
  const server = networkTypes.test(type)
    ? data.find((word) => word.startsWith("addr="))?.slice("addr=".length)
    : undefined;
  return { kind: "file-system", type, source: device, flags, data, server };
}

/** The same mount with the server's address instead of its name, which the kernel cannot look up. */
export function withAddress(mount: LocalMount, address: string): LocalMount {
  if (mount.kind === "bind") return mount;
  return {
    ...mount,
    data: mount.data.map((word) => (word.startsWith("addr=") ? `addr=${address}` : word)),
  };
}

/** Whether what is written through the volume is refused by the volume itself. */
export function isReadOnlyMount(mount: LocalMount | undefined): boolean {
  if (mount === undefined) return false;
  return mount.kind === "bind" ? mount.attributes.includes("ro") : (mount.flags & 1) !== 0;
}

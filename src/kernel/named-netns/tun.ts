/** TUN and TAP devices: links whose packets a program reads and writes. They stay without one. tun.txt of the kernel */
import { openFile, openFlags } from "../files.ts";
import { syscall } from "../syscall.ts";

const devicePath = "/dev/net/tun";
const setInterface = 0x4004_54ca;
const setPersistent = 0x4004_54cb;
const requestBytes = 40;
const flagsAt = 16;
const kinds = { tun: 1, tap: 2 } as const;
/** IFF_NO_PI, IFF_TUN_EXCL: no header of four bytes; never somebody else's device. */
const plainAndNew = 0x1000 | 0x8000;

export type TunKind = keyof typeof kinds;

/** Makes the device in the namespace of the calling thread, or that of `inNetns`. EBUSY: the name is taken. */
export function makeTunDevice(name: string, kind: TunKind): void {
  const request = new Uint8Array(requestBytes);
  const encoded = new TextEncoder().encode(name);
  if (encoded.length >= flagsAt) throw new RangeError(`${JSON.stringify(name)} is no link name`);
  request.set(encoded);
  new DataView(request.buffer).setUint16(flagsAt, kinds[kind] | plainAndNew, true);
  using device = openFile(undefined, devicePath, openFlags.readWrite);
  syscall("ioctl", `new ${kind} device ${name}`, device.raw, setInterface, request);
  syscall("ioctl", `new ${kind} device ${name}`, device.raw, setPersistent, 1);
}

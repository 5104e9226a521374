/** eBPF programs of a cgroup v2 directory: loading, attaching, and replacing what is attached. */
import { errno } from "../linux/errno.ts";
import { OwnedFd } from "./owned-fd.ts";
import { addressOf, cString, SyscallError, syscall, trySyscall } from "./syscall.ts";

const progLoad = 5;
const progAttach = 8;
const progDetach = 9;
const progGetFdById = 13;
const progQuery = 16;
const programTypeCgroupDevice = 15;
const attachTypeCgroupDevice = 6;
const flagAllowMulti = 2;
const attributeBytes = 128;
const logBytes = 64 * 1024;
const attachedLimit = 64;
const instructionBytes = 8;

function attribute(): { readonly memory: Uint8Array; readonly view: DataView } {
  const memory = new Uint8Array(attributeBytes);
  return { memory, view: new DataView(memory.buffer) };
}

/** Loads a device program (`linux/bpf-device.ts`). Throws `SyscallError`; EACCES carries the verifier's last line. */
export function loadDeviceProgram(program: Uint8Array): OwnedFd {
  const license = cString("Apache-2.0");
  const name = new TextEncoder().encode("tiffin_devices\0");
  const load = (log: Uint8Array | undefined): number => {
    const { memory, view } = attribute();
    view.setUint32(0, programTypeCgroupDevice, true);
    view.setUint32(4, program.length / instructionBytes, true);
    view.setBigUint64(8, BigInt(addressOf(program)), true);
    view.setBigUint64(16, BigInt(addressOf(license)), true);
    if (log !== undefined) {
      view.setUint32(24, 1, true);
      view.setUint32(28, log.length, true);
      view.setBigUint64(32, BigInt(addressOf(log)), true);
    }
    memory.set(name, 48);
    return trySyscall("bpf", progLoad, memory, attributeBytes);
  };
  const fd = load(undefined);
  if (fd >= 0) return new OwnedFd(fd, "device program");
  const log = new Uint8Array(logBytes);
  // The verifier says why only when asked, and asking costs; so a second time.
  const again = load(log);
  if (again >= 0) return new OwnedFd(again, "device program");
  const said = new TextDecoder()
    .decode(log.subarray(0, log.indexOf(0)))
    .trim()
    .split("\n")
    .at(-1);
  throw new SyscallError(
    "bpf",
    -again,
    `device program${said === undefined || said === "" ? "" : `: ${said}`}`,
  );
}

/** Ids of the device programs attached to the group itself. */
export function attachedDevicePrograms(cgroup: OwnedFd): number[] {
  const ids = new Uint32Array(attachedLimit);
  const { memory, view } = attribute();
  view.setUint32(0, cgroup.raw, true);
  view.setUint32(4, attachTypeCgroupDevice, true);
  view.setBigUint64(16, BigInt(addressOf(ids)), true);
  view.setUint32(24, attachedLimit, true);
  syscall("bpf", cgroup.what, progQuery, memory, attributeBytes);
  return [...ids.subarray(0, view.getUint32(24, true))];
}

/**
 * Attaches `program` to the group and detaches those that were there before. The new one is in force before the
 * old ones leave: every attached program must allow a request, so there is no moment without rules.
 */
export function attachDeviceProgram(cgroup: OwnedFd, program: Uint8Array): void {
  const before = attachedDevicePrograms(cgroup);
  using loaded = loadDeviceProgram(program);
  const { memory, view } = attribute();
  view.setUint32(0, cgroup.raw, true);
  view.setUint32(4, loaded.raw, true);
  view.setUint32(8, attachTypeCgroupDevice, true);
  view.setUint32(12, flagAllowMulti, true);
  syscall("bpf", `${cgroup.what}: attach`, progAttach, memory, attributeBytes);
  for (const id of before) detachProgram(cgroup, id);
}

function detachProgram(cgroup: OwnedFd, id: number): void {
  const byId = attribute();
  byId.view.setUint32(0, id, true);
  const fd = trySyscall("bpf", progGetFdById, byId.memory, attributeBytes);
  if (fd === -errno.ENOENT) return;
  if (fd < 0) throw new SyscallError("bpf", -fd, `program ${id}`);
  using program = new OwnedFd(fd, `program ${id}`);
  const { memory, view } = attribute();
  view.setUint32(0, cgroup.raw, true);
  view.setUint32(4, program.raw, true);
  view.setUint32(8, attachTypeCgroupDevice, true);
  const result = trySyscall("bpf", progDetach, memory, attributeBytes);
  if (result < 0 && result !== -errno.ENOENT)
    throw new SyscallError("bpf", -result, `${cgroup.what}: detach`);
}

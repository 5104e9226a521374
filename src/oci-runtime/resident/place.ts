/**
 * Where a resident helper is found: a socket named after the file that it runs, in a directory that only root can
 * enter. executor/front/helper.c makes the same name.
 */
import { pathStatus } from "../../kernel/directory.ts";

/** Also the default of `--root`. */
export const stateDirectory = "/run/tiffin-runtime";
export const helperDirectory = `${stateDirectory}/@helper`;
export const ownProgram = "/proc/self/exe";
/** `off`, or the seconds that a helper stays when nobody asks it. */
export const helperVariable = "TIFFIN_RUNTIME_HELPER";
export const helperOff = "off";
/** Set by the front after a helper has said no; nobody else's. */
export const askedVariable = "TIFFIN_RUNTIME_HELPER_ASKED";
/** The first word of the command line that makes a process a helper. No command has such a name. */
export const helperWord = "@helper";

const hexDigits = 16;

/** dev_t as stat(2) gives it (new_encode_dev in the kernel). */
function deviceNumber(major: number, minor: number): bigint {
  return (BigInt(minor) & 0xffn) | (BigInt(major) << 8n) | ((BigInt(minor) & ~0xffn) << 12n);
}

/** The socket's name for the program of this process. */
export function helperName(): string {
  const status = pathStatus(ownProgram);
  if (status === undefined) throw new Error(`${ownProgram} is missing`);
  const { deviceMajor, deviceMinor, inode, modifiedAtNs } = status;
  return [deviceNumber(deviceMajor, deviceMinor), inode, modifiedAtNs]
    .map((number) => BigInt.asUintN(64, number).toString(16).padStart(hexDigits, "0"))
    .join("");
}

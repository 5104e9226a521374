/**
 * Where a resident helper is found: a socket named after the file that it runs, in a directory that only root can
 * enter. The front makes the same name (executor/front/helper.c); what it consists of is declared for both in src/abi/front.ts.
 */
import { helper } from "../../abi/front.ts";
import { pathStatus } from "../../kernel/directory.ts";

export const { stateDirectory } = helper;
export const helperDirectory = `${stateDirectory}/${helper.socketDirectory}`;
export const ownProgram = "/proc/self/exe";
/** The first word of the command line that makes a process a helper. No command has such a name. */
export const helperWord = "@helper";

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
    .map((number) => BigInt.asUintN(64, number).toString(16).padStart(helper.nameDigits, "0"))
    .join("");
}

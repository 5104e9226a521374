import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { capabilityNumbers } from "./capabilities.ts";
import { cloneFlags } from "./clone-flags.ts";
import { errno } from "./errno.ts";
import { mountAttributes, mountPropagations, moveMountFlags, openTreeFlags } from "./mount-flags.ts";
import { atFlags, openFlagsOf, resolveFlags } from "./open-flags.ts";
import { capabilityAmbientActions, prctlOptions } from "./prctl.ts";
import { rlimitNumbers } from "./rlimits.ts";
import { seccompArchitectures } from "./seccomp.ts";
import { signalNumbers } from "./signals.ts";
import { syscallNumbers } from "./syscall-numbers.ts";

/** Reads `#define NAME number` lines of installed headers; expressions of numbers, shifts and ors are evaluated. */
function defines(...paths: string[]): Map<string, number> {
  const values = new Map<string, number>();
  for (const path of paths) {
    if (!existsSync(path)) continue;
    for (const line of readFileSync(path, "utf8").split("\n")) {
      const match = /^\s*#\s*define\s+(\w+)\s+(.+?)\s*(?:\/\*.*)?$/.exec(line);
      if (match?.[1] === undefined || match[2] === undefined) continue;
      const value = evaluate(match[2], values);
      if (value !== undefined && !values.has(match[1])) values.set(match[1], value);
    }
  }
  return values;
}

function evaluate(text: string, known: ReadonlyMap<string, number>): number | undefined {
  let total = 0n;
  for (const part of text.replace(/[()]/g, "").split("|")) {
    const [left, right] = part.split("<<").map((word) => number(word.trim(), known));
    if (left === undefined) return undefined;
    total |= part.includes("<<") ? (right === undefined ? 0n : left << right) : left;
  }
  return Number(total);
}

function number(word: string, known: ReadonlyMap<string, number>): bigint | undefined {
  const plain = word.replace(/[uUlL]+$/, "");
  if (/^0x[0-9a-fA-F]+$/.test(plain) || /^[1-9]\d*$/.test(plain) || plain === "0") return BigInt(plain);
  if (/^0[0-7]+$/.test(plain)) return BigInt(`0o${plain.slice(1)}`);
  const value = known.get(word);
  return value === undefined ? undefined : BigInt(value);
}

const headers = existsSync("/usr/include/linux/capability.h");
const include = "/usr/include/x86_64-linux-gnu/asm";

describe.skipIf(!headers)("tables equal the kernel's headers", () => {
  test("capabilities", () => {
    const kernel = defines("/usr/include/linux/capability.h");
    const names = [...kernel.keys()].filter(
      (name) => /^CAP_/.test(name) && !/^CAP_(LAST_CAP|TO_)/.test(name),
    );
    expect(Object.fromEntries(names.map((name) => [name, kernel.get(name)]))).toEqual(capabilityNumbers);
  });

  test("rlimits", () => {
    const kernel = defines("/usr/include/asm-generic/resource.h");
    for (const [name, value] of Object.entries(rlimitNumbers))
      expect([name, kernel.get(name)]).toEqual([name, value]);
  });

  test("signals", () => {
    const kernel = defines("/usr/include/asm-generic/signal.h");
    for (const [name, value] of Object.entries(signalNumbers))
      expect([name, kernel.get(name)]).toEqual([name, value]);
  });

  test("errno", () => {
    const kernel = defines("/usr/include/asm-generic/errno-base.h", "/usr/include/asm-generic/errno.h");
    for (const [name, value] of Object.entries(errno))
      expect([name, kernel.get(name)]).toEqual([name, value]);
  });

  test("clone flags", () => {
    const kernel = defines("/usr/include/linux/sched.h");
    const pairs = {
      CLONE_NEWTIME: cloneFlags.newTime,
      CLONE_NEWNS: cloneFlags.newMount,
      CLONE_NEWCGROUP: cloneFlags.newCgroup,
      CLONE_NEWUTS: cloneFlags.newUts,
      CLONE_NEWIPC: cloneFlags.newIpc,
      CLONE_NEWUSER: cloneFlags.newUser,
      CLONE_NEWPID: cloneFlags.newPid,
      CLONE_NEWNET: cloneFlags.newNet,
      CLONE_PIDFD: cloneFlags.pidfd,
      CLONE_PARENT: cloneFlags.parent,
      CLONE_CLEAR_SIGHAND: cloneFlags.clearSighand,
      CLONE_INTO_CGROUP: cloneFlags.intoCgroup,
    };
    for (const [name, value] of Object.entries(pairs))
      expect([name, kernel.get(name)]).toEqual([name, value]);
  });

  test("mount flags", () => {
    const kernel = defines(
      "/usr/include/asm-generic/fcntl.h",
      "/usr/include/linux/fcntl.h",
      "/usr/include/linux/mount.h",
    );
    const pairs = {
      MOUNT_ATTR_RDONLY: mountAttributes.readOnly,
      MOUNT_ATTR_NOSUID: mountAttributes.noSuid,
      MOUNT_ATTR_NODEV: mountAttributes.noDevices,
      MOUNT_ATTR_NOEXEC: mountAttributes.noExec,
      MOUNT_ATTR__ATIME: mountAttributes.accessTimeMask,
      MOUNT_ATTR_RELATIME: mountAttributes.relativeAccessTime,
      MOUNT_ATTR_NOATIME: mountAttributes.noAccessTime,
      MOUNT_ATTR_STRICTATIME: mountAttributes.strictAccessTime,
      MOUNT_ATTR_NODIRATIME: mountAttributes.noDirectoryAccessTime,
      MOUNT_ATTR_IDMAP: mountAttributes.idMap,
      MOUNT_ATTR_NOSYMFOLLOW: mountAttributes.noSymlinkFollow,
      MS_PRIVATE: mountPropagations.private,
      MS_SLAVE: mountPropagations.slave,
      MS_SHARED: mountPropagations.shared,
      MS_UNBINDABLE: mountPropagations.unbindable,
      OPEN_TREE_CLONE: openTreeFlags.clone,
      OPEN_TREE_CLOEXEC: openTreeFlags.closeOnExec,
      AT_RECURSIVE: openTreeFlags.recursive,
      MOVE_MOUNT_F_EMPTY_PATH: moveMountFlags.fromEmptyPath,
      MOVE_MOUNT_T_EMPTY_PATH: moveMountFlags.toEmptyPath,
      MOVE_MOUNT_SET_GROUP: moveMountFlags.setGroup,
    };
    for (const [name, value] of Object.entries(pairs))
      expect([name, kernel.get(name)]).toEqual([name, value]);
  });

  test("open, resolve and at flags", () => {
    const kernel = defines(
      "/usr/include/asm-generic/fcntl.h",
      "/usr/include/linux/fcntl.h",
      "/usr/include/linux/openat2.h",
    );
    const open = openFlagsOf("x86_64");
    const pairs = {
      O_WRONLY: open.writeOnly,
      O_RDWR: open.readWrite,
      O_CREAT: open.create,
      O_EXCL: open.exclusive,
      O_NOCTTY: open.noControllingTerminal,
      O_TRUNC: open.truncate,
      O_APPEND: open.append,
      O_NONBLOCK: open.nonBlocking,
      O_CLOEXEC: open.closeOnExec,
      O_DIRECTORY: open.directory,
      O_NOFOLLOW: open.noFollow,
      O_DIRECT: open.direct,
      RESOLVE_NO_XDEV: resolveFlags.noXdev,
      RESOLVE_NO_MAGICLINKS: resolveFlags.noMagicLinks,
      RESOLVE_NO_SYMLINKS: resolveFlags.noSymlinks,
      RESOLVE_BENEATH: resolveFlags.beneath,
      RESOLVE_IN_ROOT: resolveFlags.inRoot,
      RESOLVE_CACHED: resolveFlags.cached,
      AT_SYMLINK_NOFOLLOW: atFlags.symlinkNoFollow,
      AT_REMOVEDIR: atFlags.removeDirectory,
      AT_EMPTY_PATH: atFlags.emptyPath,
    };
    for (const [name, value] of Object.entries(pairs))
      expect([name, kernel.get(name)]).toEqual([name, value]);
  });

  test("prctl", () => {
    const kernel = defines("/usr/include/linux/prctl.h");
    const pairs = {
      PR_SET_PDEATHSIG: prctlOptions.setParentDeathSignal,
      PR_GET_DUMPABLE: prctlOptions.getDumpable,
      PR_SET_DUMPABLE: prctlOptions.setDumpable,
      PR_SET_KEEPCAPS: prctlOptions.setKeepCapabilities,
      PR_SET_NAME: prctlOptions.setName,
      PR_GET_SECUREBITS: prctlOptions.getSecureBits,
      PR_SET_SECUREBITS: prctlOptions.setSecureBits,
      PR_SET_CHILD_SUBREAPER: prctlOptions.setChildSubreaper,
      PR_SET_NO_NEW_PRIVS: prctlOptions.setNoNewPrivileges,
      PR_CAPBSET_READ: prctlOptions.capabilityBoundingRead,
      PR_CAPBSET_DROP: prctlOptions.capabilityBoundingDrop,
      PR_CAP_AMBIENT: prctlOptions.capabilityAmbient,
      PR_CAP_AMBIENT_IS_SET: capabilityAmbientActions.isSet,
      PR_CAP_AMBIENT_RAISE: capabilityAmbientActions.raise,
      PR_CAP_AMBIENT_LOWER: capabilityAmbientActions.lower,
      PR_CAP_AMBIENT_CLEAR_ALL: capabilityAmbientActions.clearAll,
    };
    for (const [name, value] of Object.entries(pairs))
      expect([name, kernel.get(name)]).toEqual([name, value]);
  });

  test("audit architectures", () => {
    const kernel = defines("/usr/include/linux/elf-em.h", "/usr/include/linux/audit.h");
    const pairs = {
      SCMP_ARCH_X86_64: "AUDIT_ARCH_X86_64",
      SCMP_ARCH_X86: "AUDIT_ARCH_I386",
      SCMP_ARCH_AARCH64: "AUDIT_ARCH_AARCH64",
      SCMP_ARCH_ARM: "AUDIT_ARCH_ARM",
      SCMP_ARCH_RISCV64: "AUDIT_ARCH_RISCV64",
      SCMP_ARCH_S390X: "AUDIT_ARCH_S390X",
      SCMP_ARCH_PPC64LE: "AUDIT_ARCH_PPC64LE",
    };
    for (const [ours, theirs] of Object.entries(pairs)) {
      expect([theirs, kernel.get(theirs)]).toEqual([theirs, seccompArchitectures[ours]]);
    }
  });

  test.skipIf(!existsSync(`${include}/unistd_64.h`))("system calls of x86_64", () => {
    const kernel = defines(`${include}/unistd_64.h`);
    for (const [name, value] of Object.entries(syscallNumbers.x86_64)) {
      const theirs = kernel.get(`__NR_${name}`);
      if (theirs !== undefined) expect([name, Number(value)]).toEqual([name, theirs]);
    }
  });

  test("system calls of aarch64", () => {
    const kernel = defines("/usr/include/asm-generic/unistd.h");
    for (const [name, value] of Object.entries(syscallNumbers.aarch64)) {
      // The generic header knows some calls by the name of their 64-bit offset variant.
      const theirs = kernel.get(`__NR_${name}`) ?? kernel.get(`__NR3264_${name}`);
      if (theirs !== undefined) expect([name, Number(value)]).toEqual([name, theirs]);
    }
    expect(Object.keys(syscallNumbers.aarch64)).toEqual(Object.keys(syscallNumbers.x86_64));
  });
});

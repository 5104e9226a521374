/** A root directory with busybox as all of its programs, and the parts of a small OCI specification around it. */
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import type { RuntimeSpec } from "../../src/oci/mod.ts";

const applets = [
  "sh",
  "true",
  "cat",
  "echo",
  "sleep",
  "stty",
  "seq",
  "dd",
  "kill",
  "id",
  "ls",
  "head",
  "tail",
];

/** Fills `directory`, which exists, and returns it. */
export function makeBusyboxRoot(directory: string): string {
  for (const name of ["bin", "dev", "etc", "proc", "sys", "tmp"]) mkdirSync(`${directory}/${name}`);
  copyFileSync("/bin/busybox", `${directory}/bin/busybox`);
  for (const name of applets) symlinkSync("busybox", `${directory}/bin/${name}`);
  writeFileSync(`${directory}/etc/passwd`, "root:x:0:0:root:/:/bin/sh\n");
  return directory;
}

const namespaces = ["pid", "mount", "uts", "ipc", "cgroup", "network"] as const;

/** A specification with namespaces of its own, /proc and /dev, running `args` as root. */
export function busyboxSpec(args: readonly string[], terminal = false): RuntimeSpec {
  return {
    ociVersion: "1.2.0",
    hostname: "test",
    process: {
      terminal,
      user: { uid: 0, gid: 0 },
      args,
      env: ["PATH=/bin"],
      cwd: "/",
    },
    root: { path: "/" },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=65536k"] },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
      },
    ],
    linux: { namespaces: namespaces.map((type) => ({ type })) },
  };
}

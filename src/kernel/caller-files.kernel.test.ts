/** Files of another process, looked at from here, against the real kernel. */
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { CallerFiles } from "./caller-files.ts";

const files = new CallerFiles(process.pid);

test("a small file of a caller is read, also by a link, and what is not there is missing", () => {
  using place = temporaryDirectory("caller-files");
  mkdirSync(`${place.path}/below`);
  writeFileSync(`${place.path}/below/file`, "content");
  symlinkSync("below/file", `${place.path}/link`);
  for (const name of ["below/file", "link"])
    expect(Buffer.from(files.read(`${place.path}/${name}`)).toString()).toBe("content");
  expect(files.read(`${place.path}/nothing`)).toBe("missing");
  expect(files.status(`${place.path}/below`)).toMatchObject({ type: "directory" });
  const { ino } = statSync(`${place.path}/below`);
  expect(files.directory(`${place.path}/below`)).toMatchObject({
    inode: String(ino),
    bootId: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
  });
});

test("what could keep a reader waiting, is no plain file, or leads out by what /proc has is the caller's alone", () => {
  using place = temporaryDirectory("caller-files");
  expect(Bun.spawnSync(["mkfifo", `${place.path}/pipe`]).exitCode).toBe(0);
  symlinkSync("/proc/self/root/etc/hostname", `${place.path}/magic`);
  writeFileSync(`${place.path}/large`, "");
  truncateSync(`${place.path}/large`, 64 * 1024 * 1024);
  const asked = [
    `${place.path}/pipe`,
    `${place.path}/magic`,
    `${place.path}/large`,
    place.path,
    "/proc/kmsg",
  ];
  expect(asked.map((path) => files.read(path))).toEqual(asked.map(() => "unknown"));
  expect(["relative", `${place.path}/a\0b`, ""].map((path) => files.status(path))).toEqual(
    Array(3).fill("unknown"),
  );
  expect(files.directory(`${place.path}/pipe`)).toBe("unknown");
});

test("of a process that is gone nothing is known", async () => {
  const child = Bun.spawn(["true"]);
  await child.exited;
  expect(new CallerFiles(child.pid).read("/etc/passwd")).toBe("unknown");
});

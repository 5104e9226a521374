import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { listDirectory } from "./directory.ts";
import { openDirectory, openFile, openFlags, readLink } from "./files.ts";
import {
  createMounts,
  inMounts,
  inPrivateMounts,
  mountTmpfs,
  startInPrivateMounts,
} from "./private-mounts.ts";

const cwd = process.cwd();
const ownNamespace = "/proc/thread-self/ns/mnt";
let place = "";
beforeEach(() => {
  place = mkdtempSync("/tmp/tiffin-test-private-");
  process.chdir(place);
  writeFileSync("below", "");
});
afterEach(() => {
  process.chdir(cwd);
  rmSync(place, { recursive: true });
});

function names(path: string): string[] {
  using directory = openFile(undefined, path, openFlags.readOnly | openFlags.directory);
  return listDirectory(directory, path).map(({ name }) => name);
}

test("what is mounted inside is gone afterwards, and the working directory is what it was", () => {
  const inside = inPrivateMounts(() => {
    mountTmpfs(place, "size=64k");
    return [names(place), names(".").includes("proc")];
  });
  expect([inside, readdirSync("."), process.cwd()]).toEqual([[[], true], ["below"], place]);
  expect(() =>
    inPrivateMounts(() => {
      throw new Error("in the middle");
    }),
  ).toThrow("in the middle");
  expect(readdirSync(".")).toEqual(["below"]);
});

test("a working directory holds for every call of a visit, and a visit within a visit ends in the first", () => {
  mkdirSync("seat");
  using seat = openDirectory("seat");
  using other = createMounts();
  const home = readlinkSync(ownNamespace);
  const seen = inPrivateMounts(() => {
    const first = readLink(ownNamespace);
    mountTmpfs(place, "size=64k");
    const within = inMounts(other, () => [readLink(ownNamespace), names(place).sort()]);
    return { first, within, back: readLink(ownNamespace), seat: names("."), place: names(place) };
  }, seat);
  expect(seen).toMatchObject({ seat: [], place: [] });
  expect(seen.within).toEqual([expect.any(String), ["below", "seat"]]);
  expect(seen.back).toBe(seen.first ?? "");
  expect(new Set([home, seen.first, seen.within[0]]).size).toBe(3);
  expect(readlinkSync(ownNamespace)).toBe(home);
});

test("no thread that the runtime starts meanwhile is born in the mounts, none bars the way back", () => {
  const home = readlinkSync(ownNamespace);
  const threads = () => readdirSync("/proc/self/task");
  const elsewhere = () =>
    threads().filter((thread) => readlinkSync(`/proc/self/task/${thread}/ns/mnt`) !== home);
  // Enough work for the compiler's and the collector's threads.
  const inside = inPrivateMounts(() => {
    let kept: { readonly index: number }[] = [];
    for (let index = 0; index < 2_000_000; index += 1) {
      kept.push({ index });
      if (kept.length > 100_000) kept = [];
    }
    return [elsewhere(), names(place)];
  });
  expect([inside, elsewhere()]).toEqual([[[], ["below"]], []]);
});

test("a program can be started in mounts of its own", () => {
  const listed = startInPrivateMounts(() => {
    mountTmpfs(place, "size=64k");
    return Bun.spawnSync(["ls", place]).stdout.toString();
  });
  expect([listed, readdirSync(".")]).toEqual(["", ["below"]]);
});

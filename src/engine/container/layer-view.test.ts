import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { cString, syscall } from "../../kernel/syscall.ts";
import { lookUp } from "./layer-view.ts";

let base = "";
let layers: string[] = [];

function whiteout(path: string): void {
  const characterDevice = 0o020000;
  syscall("mknodat", path, -100, cString(path), characterDevice, 0);
}

beforeAll(() => {
  base = mkdtempSync("/tmp/tiffin-test-view-");
  layers = [`${base}/upper`, `${base}/lower`];
  mkdirSync(`${base}/upper/etc`, { recursive: true });
  mkdirSync(`${base}/upper/opaque`);
  mkdirSync(`${base}/lower/etc`, { recursive: true });
  mkdirSync(`${base}/lower/opaque`);
  writeFileSync(`${base}/lower/etc/passwd`, "lower");
  writeFileSync(`${base}/lower/etc/group`, "lower");
  writeFileSync(`${base}/upper/etc/group`, "upper");
  writeFileSync(`${base}/lower/etc/gone`, "lower");
  writeFileSync(`${base}/lower/opaque/hidden`, "lower");
  whiteout(`${base}/upper/etc/gone`);
  const opaque = cString("trusted.overlay.opaque");
  syscall("lsetxattr", "opaque", cString(`${base}/upper/opaque`), opaque, Buffer.from("y"), 1, 0);
  symlinkSync("../../../../etc/passwd", `${base}/upper/escape`);
  symlinkSync("/etc", `${base}/lower/conf`);
  symlinkSync("loop", `${base}/lower/loop`);
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

test("upper files win, whiteouts and opaque directories hide, directories merge", () => {
  expect(lookUp(layers, "/etc/passwd")?.places).toEqual([`${base}/lower/etc/passwd`]);
  expect(lookUp(layers, "/etc/group")?.places).toEqual([`${base}/upper/etc/group`]);
  expect(lookUp(layers, "/etc/gone")).toBeUndefined();
  expect(lookUp(layers, "/opaque/hidden")).toBeUndefined();
  expect(lookUp(layers, "/etc")?.places).toEqual([`${base}/upper/etc`, `${base}/lower/etc`]);
  expect(lookUp(layers, "/")?.places).toEqual(layers);
});

test("symbolic links stay inside the stack and loops end", () => {
  expect(lookUp(layers, "/escape")?.places).toEqual([`${base}/lower/etc/passwd`]);
  expect(lookUp(layers, "/conf/../conf/group")?.places).toEqual([`${base}/upper/etc/group`]);
  expect(lookUp(layers, "/loop")).toBeUndefined();
  expect(lookUp(layers, "/etc/passwd/x")).toBeUndefined();
});

/** The bench's kinds of links that many test machines lack, against `ip -d`, on the small machine with a Debian kernel. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";

const inside = process.env["TIFFIN_VM"] === "1";
const program = join(import.meta.dir, "../../src/main/tiffin.ts");

function output(...words: readonly string[]): string {
  const done = Bun.spawnSync([...words], { stderr: "pipe" });
  expect({ words, code: done.exitCode, err: done.stderr.toString() }).toEqual({ words, code: 0, err: "" });
  return done.stdout.toString().trim();
}

function lab(line: string): string {
  return output(process.execPath, program, "lab", "--run", "/run/lab-kinds", ...line.split(" "));
}

describe.skipIf(!inside)("on the small machine (skipped outside of it)", () => {
  test.each([
    ["dummy", {}],
    ["vlan id 5 link below", { id: 5 }],
    ["macvlan link below mode vepa", { mode: "vepa" }],
    ["ipvlan link below mode l3", { mode: "l3" }],
    ["vxlan id 7 remote 10.0.0.9", { id: 7, remote: "10.0.0.9", port: 4789 }],
    ["vxlan id 7 remote fd00::9 local fd00::1 dstport 4790", { id: 7, remote6: "fd00::9", port: 4790 }],
  ])("%s is what ip takes it for, and undo takes it away", (words, data) => {
    lab("link add below type veth peer name other");
    lab(`link add made type ${words}`);
    const [kind = ""] = words.split(" ");
    const [link] = JSON.parse(output("ip", "-d", "-json", "link", "show", "made"));
    expect(link).toMatchObject({
      linkinfo: { info_kind: kind, ...(kind === "dummy" ? {} : { info_data: data }) },
    });
    expect(lab("link ls made")).toContain(kind);
    lab("undo");
    expect(output("ip", "-br", "link")).not.toContain("made");
  });
});

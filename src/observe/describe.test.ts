/** Decoders on texts of the kernel, and how reports are shown. */
import { describe, expect, test } from "bun:test";
import { statListFields, statmListFields } from "./describe-stat.ts";
import { statusFields } from "./describe-status.ts";
import { fields, harmless, type Report, reportJson, reportText, table } from "./report.ts";
import { containerOf } from "./target.ts";
import { bytesText, secondsText } from "./units.ts";
import { kindOf, parseMapLine, parseRange } from "./views/address-space.ts";
import { ipv6Text } from "./views/sockets.ts";

const statusText = `Name:\tsleep
Umask:\t0022
State:\tS (sleeping)
Uid:\t0\t1000\t0\t0
Groups:\t0 10 
NSpid:\t4711\t7
VmRSS:\t    1536 kB
SigBlk:\t0000000000010002
CapEff:\t00000000a80425fb
CapBnd:\t000001ffffffffff
Seccomp:\t2
Later_Kernels_Line:\tnew
`;

test("status: memory in bytes, masks as names, and lines that are not known yet are kept", () => {
  const byKey = new Map(statusFields(statusText).map((field) => [field.key, field]));
  expect(byKey.get("VmRSS")).toMatchObject({ value: 1536 * 1024, text: "1.5 MiB" });
  expect(byKey.get("State")?.text).toBe("S: sleeping, a signal wakes it");
  expect(byKey.get("Uid")?.value).toEqual([0, 1000, 0, 0]);
  expect(byKey.get("NSpid")?.value).toEqual([4711, 7]);
  expect(byKey.get("SigBlk")?.value).toEqual(["SIGINT", "SIGCHLD"]);
  expect(byKey.get("CapEff")?.value).toContain("CAP_NET_BIND_SERVICE");
  expect(byKey.get("CapEff")?.text).not.toContain("sys_admin");
  expect(byKey.get("CapBnd")?.text).toStartWith("all 41");
  expect(byKey.get("Seccomp")?.text).toBe("a filter decides about each system call");
  expect(byKey.get("Later_Kernels_Line")).toMatchObject({ value: "new", meaning: "" });
});

test("stat: the name may hold parentheses and spaces; ticks are seconds, pages are bytes", () => {
  const numbers = Array.from({ length: 49 }, () => "0");
  numbers[0] = "17";
  numbers[10] = "250";
  numbers[20] = "3";
  numbers[34] = "17";
  const byKey = new Map(
    statListFields(`42 (a) S) R ${numbers.join(" ")}\n`, 4096).map((field) => [field.key, field]),
  );
  expect(byKey.get("comm")?.value).toBe("a) S");
  expect(byKey.get("ppid")?.value).toBe(17);
  expect(byKey.get("utime")).toMatchObject({ value: 2.5, text: "2.5 s" });
  expect(byKey.get("rss")).toMatchObject({ value: 3 * 4096, text: "12 KiB" });
  expect(byKey.get("exit_signal")?.text).toBe("SIGCHLD");
  expect(byKey.size).toBe(52);
});

test("statm is in bytes of the machine's pages", () => {
  expect(statmListFields("10 2 1 1 0 3 0\n", 65_536)[1]).toMatchObject({ key: "resident", value: 131_072 });
});

test("a range of the address space and what it is for", () => {
  const line = "7f00-8f00 r-xp 00001000 fe:00 42                 /usr/lib/a b.so (deleted)";
  expect(parseMapLine(line)).toMatchObject({
    start: 0x7f00n,
    permissions: "r-xp",
    path: "/usr/lib/a b.so (deleted)",
  });
  expect(kindOf({ permissions: "r-xp", path: "/bin/sh" })).toBe("code");
  expect(kindOf({ permissions: "---p", path: "" })).toBe("kept free, a guard");
  expect(parseMapLine("VmFlags: rd ex")).toBeUndefined();
});

describe("a range of memory that is asked for", () => {
  test("from START to END, or LENGTH bytes from START", () => {
    expect(parseRange("0x1000-1fff")).toEqual({ start: 0x1000n, bytes: 0xfff });
    expect(parseRange("ffffffffff600000+16")).toEqual({ start: 0xffffffffff600000n, bytes: 16 });
    expect(parseRange("a0+0x10").bytes).toBe(16);
  });

  test.each(["", "10", "20-10", "10-10", "x-y", "0-ffffffffffffffff", "1+0"])("%j is refused", (text) => {
    expect(() => parseRange(text)).toThrow();
  });
});

describe("the container that a group's path names", () => {
  const id = "0123456789abcdef".repeat(4);

  test.each([
    [`0::/tiffin/${id}`, "tiffin"],
    [`4:memory:/docker/${id}\n0::/`, "docker"],
    [`0::/machine.slice/libpod-${id}.scope/container`, "libpod"],
    [`0::/system.slice/docker-${id}.scope`, "docker"],
  ])("%s", (text, engine) => {
    expect(containerOf(text)?.id).toBe(id);
    expect(text).toContain(containerOf(text)?.engine ?? "-");
    expect(engine === "tiffin" || engine === "docker" || engine === "libpod").toBe(true);
  });

  test("a path without an id is of none", () => {
    expect(containerOf("0::/user.slice/user-0.slice\n")).toBeUndefined();
    expect(containerOf(`0::/x${id}y`)).toBeUndefined();
  });
});

test("units", () => {
  expect([0, 1023, 1536, 1024 ** 3].map(bytesText)).toEqual(["0 B", "1023 B", "1.5 KiB", "1 GiB"]);
  expect([0.25, 12.5, 200, 7500, 270_000].map(secondsText)).toEqual([
    "250 ms",
    "12.5 s",
    "3 min 20 s",
    "2 h 5 min",
    "3 d 3 h",
  ]);
});

test("IPv6 addresses are written as RFC 5952 says", () => {
  const bytes = (text: string): number[] => [...Buffer.from(text, "hex")];
  expect(ipv6Text(bytes("0".repeat(31).concat("1")))).toBe("::1");
  expect(ipv6Text(bytes("20010db8000000000001000000000001"))).toBe("2001:db8::1:0:0:1");
  expect(ipv6Text(bytes("0".repeat(32)))).toBe("::");
});

test("what would steer a terminal is written out, whatever the process calls itself", () => {
  expect(harmless("a\u001b[31mb\u0007\u202ec\n\u009b")).toBe("a\\u001b[31mb\\u0007\\u202ec\\n\\u009b");
  expect(harmless("日本 é 😀")).toBe("日本 é 😀");
  expect(harmless("\udcff")).toBe("\\xff");
});

test("a report as text and as JSON; wide cells do not push the others away", () => {
  const report: Report = {
    sections: [
      fields("Numbers", [{ key: "size", value: 2048, text: "2 KiB", meaning: "how much" }], "numbers"),
      table(
        "Rows",
        { name: "NAME", on: "ON" },
        [
          ["x".repeat(80), true],
          ["y", null],
        ],
        "list",
      ),
      table("Nothing", { name: "NAME" }, [], "empty"),
    ],
    notes: ["The end."],
  };
  expect(reportText(report).split("\n")).toEqual([
    "Numbers",
    "  size   2 KiB   how much",
    "",
    "Rows",
    `  ${"NAME".padEnd(60)}   ON`,
    `  ${"x".repeat(80)}   yes`,
    `  ${"y".padEnd(60)}   -`,
    "",
    "Nothing",
    "  none",
    "",
    "The end.",
    "",
  ]);
  expect(reportJson(report)).toEqual({
    numbers: { size: { value: 2048, text: "2 KiB", meaning: "how much" } },
    list: [
      { name: "x".repeat(80), on: true },
      { name: "y", on: null },
    ],
    empty: [],
  });
});

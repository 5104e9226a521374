import { describe, expect, test } from "bun:test";
import { TiffinError } from "../lib/errors.ts";
import { parseGroup, parsePasswd, resolveGroup, resolveUser } from "./passwd.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const passwd = parsePasswd(
  bytes(
    [
      "root:x:0:0:root:/root:/bin/sh",
      "# a comment",
      "",
      "+@nis::0:0:::",
      "www:x:33:33:www:/var/www:/usr/sbin/nologin",
      "short:x:7",
      "bad:x:zero:0::/:",
      "huge:x:4294967295:0::/:",
      "123name:x:500:500::/home/n:",
      "77:x:501:501::/home/digits:",
    ].join("\n"),
  ),
);
const groups = parseGroup(
  bytes("root:x:0:\nwww:x:33:\nstaff:x:50:www,root\nextra:x:60:www,www\nodd:x:y:www\n"),
);

function errorOf(action: () => unknown): TiffinError {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof TiffinError) return thrown;
  }
  throw new Error("no TiffinError");
}

describe("user[:group]", () => {
  test.each([
    ["", { uid: 0, gid: 0, additionalGids: [0, 50], home: "/root" }],
    ["root", { uid: 0, gid: 0, additionalGids: [0, 50], home: "/root" }],
    ["www", { uid: 33, gid: 33, additionalGids: [33, 50, 60], home: "/var/www" }],
    ["33", { uid: 33, gid: 33, additionalGids: [33, 50, 60], home: "/var/www" }],
    ["www:staff", { uid: 33, gid: 50, additionalGids: [50], home: "/var/www" }],
    ["www:12", { uid: 33, gid: 12, additionalGids: [12], home: "/var/www" }],
    [":staff", { uid: 0, gid: 50, additionalGids: [50], home: "/root" }],
    ["1000", { uid: 1000, gid: 0, additionalGids: [0], home: "/" }],
    ["1000:1001", { uid: 1000, gid: 1001, additionalGids: [1001], home: "/" }],
    ["123name", { uid: 500, gid: 500, additionalGids: [500], home: "/home/n" }],
    ["2147483647", { uid: 2147483647, gid: 0, additionalGids: [0], home: "/" }],
    // Digits are an id, even where an account is called so.
    ["77", { uid: 77, gid: 0, additionalGids: [0], home: "/" }],
  ])("%j", (specification, expected) => {
    expect(resolveUser(specification, [], passwd, groups)).toEqual(expected);
  });

  test.each([
    ["nobody", "user.unknown", "unable to find user nobody: no matching entries in passwd file"],
    ["short", "user.unknown", "unable to find user short: no matching entries in passwd file"],
    ["www:nogroup", "group.unknown", "unable to find group nogroup: no matching entries in group file"],
    ["2147483648", "user.out-of-range", "uids and gids must be in range 0-2147483647"],
    ["4294967296", "user.out-of-range", "uids and gids must be in range 0-2147483647"],
    ["-1", "user.out-of-range", "uids and gids must be in range 0-2147483647"],
    ["0:2147483648", "user.out-of-range", "uids and gids must be in range 0-2147483647"],
    ["huge", "user.out-of-range", "uids and gids must be in range 0-2147483647"],
  ])("%j fails", (specification, code, message) => {
    const error = errorOf(() => resolveUser(specification, [], passwd, groups));
    expect([error.kind, error.code, error.message]).toEqual(["invalid", code, message]);
  });

  test("without any account file the numbers still work", () => {
    expect(resolveUser("5:6", [], [], [])).toEqual({ uid: 5, gid: 6, additionalGids: [6], home: "/" });
    expect(resolveUser("", [], [], [])).toEqual({ uid: 0, gid: 0, additionalGids: [0], home: "/" });
  });
});

test("added groups by name and number, each once, behind the primary one and those that list the user", () => {
  const gids = (user: string) =>
    resolveUser(user, ["staff", "50", "99", "www"], passwd, groups).additionalGids;
  expect([gids("www"), gids("www:12"), gids("1000")]).toEqual([
    [33, 50, 60, 99],
    [12, 50, 99, 33],
    [0, 50, 99, 33],
  ]);
  expect(errorOf(() => resolveGroup("nope", groups)).code).toBe("group.unknown");
});

import { expect, test } from "bun:test";
import { decodeSecurityOptions } from "./security-options.ts";

test("security options", () => {
  expect(decodeSecurityOptions([])).toEqual({ noNewPrivileges: false, seccomp: { kind: "default" } });
  expect(decodeSecurityOptions(["no-new-privileges", "seccomp=unconfined", "label=disable"])).toEqual({
    noNewPrivileges: true,
    seccomp: { kind: "unconfined" },
  });
  expect(decodeSecurityOptions(["no-new-privileges:false"]).noNewPrivileges).toBe(false);
  expect(decodeSecurityOptions(["seccomp=/etc/profile.json"]).seccomp).toEqual({
    kind: "profile",
    profile: "/etc/profile.json",
  });
  expect(() => decodeSecurityOptions(["apparmor=mine"])).toThrow('invalid --security-opt: "apparmor=mine"');
});

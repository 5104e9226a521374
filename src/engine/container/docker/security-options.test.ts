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
  expect(decodeSecurityOptions(["writable-cgroups=true"])).toMatchObject({ writableCgroups: true });
  expect(decodeSecurityOptions(["writable-cgroups=false"])).not.toHaveProperty("writableCgroups");
  expect(() => decodeSecurityOptions(["writable-cgroups=maybe"])).toThrow("invalid --security-opt");
  expect(() => decodeSecurityOptions(["apparmor=mine"])).toThrow(
    'invalid --security-opt: "apparmor=mine": a profile of AppArmor cannot be given to a container here, only unconfined',
  );
  expect(() => decodeSecurityOptions(["label=type:mine"])).toThrow("an SELinux label cannot be given");
});

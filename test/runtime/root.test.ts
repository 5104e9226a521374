/** `root`, `linux.rootfsPropagation`, masked and read-only paths. */
import { expect } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LinuxSpec, OciPropagation, RuntimeSpec } from "../../src/oci/mod.ts";
import { onHostMount } from "../support/host-mount.ts";
import { until } from "../support/until.ts";
import { shell, specOf } from "./bundle.ts";
import { parseMountLines } from "./mount-lines.ts";
import { eachRuntime } from "./runtimes.ts";

function withLinux(spec: RuntimeSpec, more: Partial<LinuxSpec>): RuntimeSpec {
  return { ...spec, linux: { ...spec.linux, ...more } };
}

eachRuntime(
  "root.path is absolute or counts from the bundle; what is no directory is refused",
  async (bundle) => {
    expect((await bundle.run({ ...shell("echo hi"), root: { path: bundle.rootfs } })).stdout).toBe("hi\n");
    expect((await bundle.run({ ...shell("echo hi"), root: { path: "./rootfs" } })).stdout).toBe("hi\n");
    writeFileSync(join(bundle.path, "file"), "");
    expect((await bundle.run({ ...shell("echo hi"), root: { path: "file" } })).code).not.toBe(0);
  },
);

const propagations: readonly (readonly [OciPropagation, RegExp])[] = [
  ["shared", /shared:\d+/],
  ["slave", /master:\d+/],
  ["private", /^$/],
  ["unbindable", /unbindable/],
];

eachRuntime(
  "rootfsPropagation: the root mount is of the kind that is asked for",
  async (bundle) => {
    await using _host = onHostMount(bundle.path, "rw");
    const { makeBusyboxRoot } = await import("../support/busybox-root.ts");
    mkdirSync(bundle.rootfs);
    makeBusyboxRoot(bundle.rootfs);
    for (const [rootfsPropagation, wanted] of propagations) {
      const spec = withLinux(specOf(["/bin/cat", "/proc/self/mountinfo"]), { rootfsPropagation });
      const { stdout } = await bundle.run(spec);
      expect(`${rootfsPropagation}:${parseMountLines(stdout).get("/")?.propagation}`).toMatch(
        new RegExp(wanted.source.replace("^", `^${rootfsPropagation}:`)),
      );
    }
  },
  {
    except: {
      crun: "1.8 cuts a slave off from the host",
      runc: "1.1 makes the mounts around the root so, not the root",
    },
  },
);

eachRuntime(
  "rootfsPropagation slave: a mount of the host arrives in the container, none goes back",
  async (bundle) => {
    await using host = onHostMount(bundle.path, "rw");
    const { makeBusyboxRoot } = await import("../support/busybox-root.ts");
    mkdirSync(bundle.rootfs);
    makeBusyboxRoot(bundle.rootfs);
    mkdirSync(join(bundle.rootfs, "late"));
    await bundle.create(withLinux(specOf(["/bin/sleep", "1000"]), { rootfsPropagation: "slave" }));
    await bundle.start();
    const { pid } = await bundle.state();
    host.add(join(bundle.rootfs, "late"), "rw");
    const seen = async (): Promise<boolean> =>
      parseMountLines(await Bun.file(`/proc/${pid}/mountinfo`).text()).has("/late");
    await until("the mount has arrived", seen);
  },
  {
    except: {
      crun: "1.8 cuts the root off from the host: the specification wants to see the mount",
      runc: "1.1 cuts the root off from the host: the specification wants to see the mount",
    },
  },
);

eachRuntime(
  "masked paths: files read as nothing, directories as empty, missing ones are no error",
  async (bundle) => {
    mkdirSync(join(bundle.rootfs, "secret", "deep"), { recursive: true });
    writeFileSync(join(bundle.rootfs, "secret", "deep", "x"), "x");
    writeFileSync(join(bundle.rootfs, "key"), "key");
    symlinkSync("key", join(bundle.rootfs, "way"));
    const script =
      "cat /key; ls /secret | wc -l; (: > /secret/new) 2>/dev/null && echo written; cat /proc/timer_list | wc -c";
    const maskedPaths = ["/key", "/secret", "/missing/any", "/proc/timer_list"];
    const { code, stdout } = await bundle.run(withLinux(shell(script), { maskedPaths }));
    expect({ code, stdout }).toEqual({ code: 0, stdout: "0\n0\n" });
  },
);

eachRuntime(
  "read-only paths: files and directories cannot be written, missing ones are no error",
  async (bundle) => {
    mkdirSync(join(bundle.rootfs, "data", "sub"), { recursive: true });
    writeFileSync(join(bundle.rootfs, "file"), "content");
    const script = [
      "(echo x > /file) 2>/dev/null && echo file written",
      "(: > /data/x) 2>/dev/null && echo directory written",
      "cat /file",
    ].join("; ");
    const spec = withLinux(shell(script), { readonlyPaths: ["/file", "/data", "/missing/any"] });
    const below = { destination: "/data/sub", type: "tmpfs", source: "tmpfs" };
    const { stdout } = await bundle.run({ ...spec, mounts: [...(spec.mounts ?? []), below] });
    expect(stdout).toBe("content");
  },
);

eachRuntime(
  "what is mounted below a read-only path cannot be written either",
  async (bundle) => {
    const spec = withLinux(shell("(: > /data/sub/x) 2>/dev/null && echo written; echo end"), {
      readonlyPaths: ["/data"],
    });
    const below = { destination: "/data/sub", type: "tmpfs", source: "tmpfs" };
    const { stdout } = await bundle.run({ ...spec, mounts: [...(spec.mounts ?? []), below] });
    expect(stdout).toBe("end\n");
  },
  { except: { crun: "1.8 leaves it writable", runc: "1.1 leaves it writable" } },
);

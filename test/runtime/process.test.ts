/** `process` of the configuration: what the program is, where, as whom, with what rights and limits. */
import { expect } from "bun:test";
import { chmodSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../support/until.ts";
import { shell, specOf } from "./bundle.ts";
import { eachRuntime } from "./runtimes.ts";

eachRuntime("identity: user, groups, umask, working directory, environment", async (bundle) => {
  const { stdout } = await bundle.run(
    shell("id -u; id -g; id -G; umask; pwd; echo $COLOR", {
      user: { uid: 1000, gid: 1001, additionalGids: [27], umask: 0o027 },
      cwd: "/srv/made",
      env: ["PATH=/bin", "COLOR=blue"],
    }),
  );
  const [uid, gid, groups, mask, directory, color] = stdout.split("\n");
  expect([uid, gid, mask, directory, color]).toEqual(["1000", "1001", "0027", "/srv/made", "blue"]);
  expect(groups?.split(" ")).toContain("27");
});

eachRuntime("a variable that is given twice is there once, as it was given last", async (bundle) => {
  const env = ["PATH=/bin", "A=1", "B=3", "A=2", "HOME=/x", "HOME=/y"];
  expect((await bundle.run(specOf(["/bin/busybox", "env"], { env }))).stdout).toBe(
    "PATH=/bin\nA=2\nB=3\nHOME=/y\n",
  );
});

eachRuntime("a process of nobody is root's", async (bundle) => {
  const { user: _user, ...process } = { ...specOf(["/bin/id", "-u"]).process };
  bundle.configure({ ...specOf([]), process });
  expect((await bundle.call("run", bundle.id)).stdout).toBe("0\n");
});

eachRuntime("capabilities are exactly those named, in all five sets", async (bundle) => {
  const names = ["CAP_KILL", "CAP_CHOWN"];
  const { stdout } = await bundle.run(
    specOf(["/bin/busybox", "grep", "^Cap", "/proc/self/status"], {
      user: { uid: 1000, gid: 1000 },
      capabilities: {
        bounding: names,
        effective: names,
        permitted: names,
        inheritable: names,
        ambient: ["CAP_KILL"],
      },
    }),
  );
  const masks = Object.fromEntries(
    stdout
      .trim()
      .split("\n")
      .map((line) => line.split(":\t")),
  );
  // CAP_CHOWN is bit 0, CAP_KILL bit 5; without ambient a user's exec keeps nothing else.
  expect(masks).toEqual({
    CapInh: "0000000000000021",
    CapPrm: "0000000000000020",
    CapEff: "0000000000000020",
    CapBnd: "0000000000000021",
    CapAmb: "0000000000000020",
  });
});

eachRuntime("no_new_privs, limits, OOM score", async (bundle) => {
  const script = "grep NoNewPrivs /proc/self/status; ulimit -n; ulimit -H -n; cat /proc/self/oom_score_adj";
  const { stdout } = await bundle.run(
    shell(script, {
      noNewPrivileges: true,
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }],
      oomScoreAdj: 500,
    }),
  );
  expect(stdout).toBe("NoNewPrivs:\t1\n100\n200\n500\n");
});

eachRuntime(
  "a program that is not there, is no file, or may not be executed is told at create",
  async (bundle) => {
    writeFileSync(join(bundle.rootfs, "bin", "plain"), "text");
    chmodSync(join(bundle.rootfs, "bin", "plain"), 0o644);
    for (const program of ["nothing", "/bin/nothing", "/bin/plain"]) {
      const made = await bundle.create(specOf([program]));
      expect({ program, code: made.code }).toEqual({ program, code: 1 });
      expect(made.stderr).toMatch(
        program === "/bin/plain" ? /permission denied/i : /not found|no such file/i,
      );
    }
  },
);

eachRuntime("without a program the container is refused", async (bundle) => {
  expect((await bundle.run(specOf([]))).code).not.toBe(0);
});

eachRuntime("without HOME, the container's own passwd says what it is", async (bundle) => {
  writeFileSync(join(bundle.rootfs, "etc", "passwd"), "worker:x:1000:1000::/home/worker:/bin/sh\n");
  const { stdout } = await bundle.run(shell("echo $HOME", { user: { uid: 1000, gid: 1000 } }));
  expect(stdout).toBe("/home/worker\n");
});

eachRuntime("the host's root cannot be reached through the working directory", async (bundle) => {
  symlinkSync("/proc/self/fd/7", join(bundle.rootfs, "door"));
  for (const cwd of ["/proc/self/fd/7", "/proc/self/fd/7/../../..", "/door"]) {
    const { stdout } = await bundle.run(shell("pwd -P; ls /", { cwd }));
    expect(stdout).not.toContain("boot");
  }
});

eachRuntime("exec: same container, own user, directory, environment, exit code", async (bundle) => {
  await bundle.create(specOf(["/bin/sleep", "1000"]));
  await bundle.start();
  const flags = ["--user", "1000:1001", "--cwd", "/tmp", "--env", "A=1"];
  const told = await bundle.call(
    "exec",
    ...flags,
    bundle.id,
    "/bin/sh",
    "-c",
    "id -u; id -g; pwd; echo $A; cat /proc/1/comm; exit 9",
  );
  expect(told).toEqual({ code: 9, stdout: "1000\n1001\n/tmp\n1\nsleep\n", stderr: "" });
  expect((await bundle.call("exec", bundle.id, "/bin/nothing")).code).toBeGreaterThan(0);
});

eachRuntime("exec --process takes a document; --detach comes back at once", async (bundle) => {
  await bundle.create(specOf(["/bin/sleep", "1000"]));
  await bundle.start();
  const document = join(bundle.directory, "process.json");
  const file = join(bundle.directory, "pid");
  writeFileSync(
    document,
    JSON.stringify(specOf(["/bin/sh", "-c", "echo hello > /tmp/said; exec sleep 1000"]).process),
  );
  const told = await bundle.detached(
    "exec",
    "--detach",
    "--pid-file",
    file,
    "--process",
    document,
    bundle.id,
  );
  expect(told.code).toBe(0);
  await until("the program has run", async () => {
    const { stdout } = await bundle.call("exec", bundle.id, "/bin/cat", "/tmp/said");
    return stdout === "hello\n";
  });
  expect(Number(bundle.read("pid"))).toBeGreaterThan(1);
});

eachRuntime("exec into a container that has stopped is refused", async (bundle) => {
  await bundle.create(specOf(["/bin/true"]));
  await bundle.start();
  await until("it has stopped", async () => (await bundle.status()) === "stopped");
  const told = await bundle.call("exec", bundle.id, "/bin/true");
  expect(told.code).toBeGreaterThan(0);
  expect(told.stdout).toBe("");
});

eachRuntime("only the standard descriptors reach the program; preserved ones too", async (bundle) => {
  const { stdout } = await bundle.run(shell("ls /proc/self/fd | wc -l"));
  // 0, 1, 2 and the directory that ls reads.
  expect(stdout).toBe("4\n");
});

eachRuntime("a session keyring of its own", async (bundle) => {
  const { stdout } = await bundle.run(specOf(["/bin/cat", "/proc/keys"]));
  expect(stdout).toContain(bundle.id);
});

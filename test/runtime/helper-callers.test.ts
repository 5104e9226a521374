/** What becomes of a command that a helper does for its caller: when either side ends, and what the caller has and keeps. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pause, until } from "../support/until.ts";
import { Bundle, groupsNamed, shell, specOf } from "./bundle.ts";
import { isRoot, linkOf, ownHelper, stay } from "./own-helper.ts";

const { program, call, creation, startHelper, endHelper, whoRuns } = ownHelper();

function slowHook(bundle: Bundle): string {
  const reached = join(bundle.directory, "reached");
  const spec = specOf(["/bin/sleep", "60"]);
  bundle.configure({
    ...spec,
    hooks: { createContainer: [{ path: "/bin/sh", args: ["sh", "-c", `echo > ${reached}; exec sleep 1`] }] },
  });
  return reached;
}

for (const signal of ["SIGKILL", "SIGTERM"] as const) {
  test.skipIf(!isRoot)(
    `a caller that ends by ${signal} in the middle of a creation leaves nothing`,
    async () => {
      await using bundle = new Bundle(program);
      await startHelper(bundle);
      const reached = slowHook(bundle);
      const creating = creation(bundle);
      await until("the hook", () => existsSync(reached));
      creating.kill(signal);
      await creating.exited;
      expect(creating.signalCode).toBe(signal);
      await until("nothing to be left", () => !existsSync(join(bundle.root, bundle.id)));
      await until("no group to be left", () => groupsNamed(bundle.id).length === 0);
      expect(await whoRuns(bundle)).toBe("helper");
    },
  );
}

test.skipIf(!isRoot)(
  "a helper that is killed in the middle fails the command, and a forced deletion clears up",
  async () => {
    await using bundle = new Bundle(program);
    await startHelper(bundle);
    const reached = slowHook(bundle);
    const creating = creation(bundle, "pipe");
    await until("the hook", () => existsSync(reached));
    await endHelper();
    expect(await creating.exited).toBe(1);
    expect(await new Response(creating.stderr ?? null).text()).toContain("delete --force");
    expect((await call(bundle, ["delete", "--force", bundle.id])).code).toBe(0);
    expect(existsSync(join(bundle.root, bundle.id))).toBe(false);
    expect(groupsNamed(bundle.id)).toEqual([]);
  },
);

/** Signals are passed on from then on. */
function awaitsProgram(pid: number): boolean {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).some((fd) => linkOf(`${directory}/${fd}`) === "anon_inode:[signalfd]");
}

test.skipIf(!isRoot)("a program that outlives it ends as it would have, for run and exec", async () => {
  await using bundle = new Bundle(program);
  await startHelper(bundle);
  const goOn = join(bundle.rootfs, "go");
  bundle.configure(shell("while ! test -e /go; do sleep 0.05; done; sleep 0.5; exit 7"));
  const options = { cwd: bundle.path, env: { ...process.env, ...stay } };
  const words = [program, "--root", bundle.root];
  const running = Bun.spawn([...words, "run", bundle.id], { ...options, stdio: ["ignore", "pipe", "pipe"] });
  await until("the caller to wait", () => awaitsProgram(running.pid));
  const script = "while ! test -e /go; do sleep 0.05; done; kill -9 $$";
  const executing = Bun.spawn([...words, "exec", bundle.id, "/bin/sh", "-c", script], {
    ...options,
    stdio: ["ignore", "pipe", "pipe"],
  });
  await until("the second caller to wait", () => awaitsProgram(executing.pid));
  await endHelper();
  writeFileSync(goOn, "");
  expect(await executing.exited).toBe(137);
  expect(await running.exited).toBe(7);
  expect((await call(bundle, ["delete", "--force", bundle.id])).code).toBe(0);
});

test.skipIf(!isRoot)(
  "what a caller has left open is not held by a created container, nor by its exec",
  async () => {
    await using bundle = new Bundle(program);
    await startHelper(bundle);
    bundle.configure(specOf(["/bin/sleep", "1000"]));
    const leaking = (...words: readonly string[]) =>
      Bun.spawnSync(
        [
          "bash",
          "-c",
          'exec 3</ 10</ 77</etc/passwd 251</; exec "$@" > /dev/null 2>&1',
          "bash",
          program,
          "--root",
          bundle.root,
          ...words,
        ],
        { cwd: bundle.path, env: { ...process.env, ...stay }, stdin: "ignore" },
      ).exitCode;
    const held = async (): Promise<string[]> => {
      const { pid } = JSON.parse((await call(bundle, ["state", bundle.id])).stdout);
      return readdirSync(`/proc/${pid}/fd`)
        .map((fd) => linkOf(`/proc/${pid}/fd/${fd}`))
        .filter((target) => target !== "/dev/null" && !target.startsWith("socket:"));
    };
    expect(leaking("create", bundle.id)).toBe(0);
    expect(await held()).toEqual([]);
    expect((await call(bundle, ["start", bundle.id])).code).toBe(0);
    expect(leaking("exec", bundle.id, "/bin/sh", "-c", "ls -l /proc/self/fd > /fds")).toBe(0);
    expect(readFileSync(join(bundle.rootfs, "fds"), "utf8")).not.toMatch(/ (?:3|10|77|251) -> \/(?:$|etc)/m);
    expect((await call(bundle, ["delete", "--force", bundle.id])).code).toBe(0);
  },
);

test.skipIf(!isRoot)(
  "what it does not do for others is done alone: terminals, inherited descriptors, closed ones, long command lines",
  async () => {
    await using bundle = new Bundle(program);
    await startHelper(bundle);
    bundle.configure(shell("echo in; cat <&3"));
    const preserved = await call(bundle, ["run", "--preserve-fds", "1", bundle.id], stay, [
      "sh",
      "-c",
      'echo kept > kept; exec "$@" 3<kept',
      "sh",
    ]);
    expect(preserved).toEqual({ code: 0, stdout: "in\nkept\n", stderr: "" });
    bundle.configure(shell("echo out"));
    expect((await call(bundle, ["run", bundle.id], stay, ["sh", "-c", 'exec "$@" <&-', "sh"])).stdout).toBe(
      "out\n",
    );
    // A closed one is /dev/null in the container, never a file of ours.
    symlinkSync("busybox", join(bundle.rootfs, "bin", "readlink"));
    for (const [fd, closing] of ["<&-", ">&-", "2>&-"].entries()) {
      bundle.configure(shell(`name=$(readlink /proc/$$/fd/${fd}); echo $name > /closed`));
      const closes = ["sh", "-c", `exec "$@" ${closing}`, "sh"];
      expect((await call(bundle, ["run", bundle.id], stay, closes)).code).toBe(0);
      expect(readFileSync(join(bundle.rootfs, "closed"), "utf8")).toBe("/dev/null\n");
    }
    bundle.configure(shell("echo out"));
    const long = "x".repeat(100_000);
    expect((await call(bundle, ["run", bundle.id], { ...stay, LONG_A: long, LONG_B: long })).stdout).toBe(
      "out\n",
    );
    bundle.configure(shell("test -t 0 && echo terminal", { terminal: true }));
    const terminal = await call(bundle, ["run", bundle.id], stay, ["setsid", "-w"]);
    expect(terminal.stdout).toContain("terminal");
  },
);

test.skipIf(!isRoot)("a signal that the caller ignores does not end its command", async () => {
  await using bundle = new Bundle(program);
  await startHelper(bundle);
  const reached = slowHook(bundle);
  const words = ["sh", "-c", "trap '' HUP INT; exec \"$@\"", "sh", program, "--root", bundle.root];
  const creating = Bun.spawn([...words, "create", bundle.id], {
    cwd: bundle.path,
    env: { ...process.env, ...stay },
    stdio: ["ignore", "ignore", "ignore"],
  });
  await until("the hook", () => existsSync(reached));
  creating.kill("SIGHUP");
  creating.kill("SIGINT");
  expect(await creating.exited).toBe(0);
});

test.skipIf(!isRoot)("hooks on the host have the caller's limits and priority", async () => {
  await using bundle = new Bundle(program);
  await startHelper(bundle);
  const told = join(bundle.directory, "told");
  const script = `{ cut -d ' ' -f 19 /proc/self/stat; ulimit -Sn; ulimit -Hn; } >> ${told}`;
  const hook = [{ path: "/bin/sh", args: ["sh", "-c", script], env: ["PATH=/bin:/usr/bin"] }];
  const caller = ["nice", "-n", "7", "prlimit", "--nofile=300:400"];
  const kinds = ["prestart", "createRuntime", "poststart", "poststop"] as const;
  for (const kind of kinds) {
    bundle.configure({ ...specOf(["/bin/true"]), hooks: { [kind]: hook } });
    expect((await call(bundle, ["run", bundle.id], stay, caller)).code).toBe(0);
  }
  expect(readFileSync(told, "utf8")).toBe("7\n300\n400\n".repeat(kinds.length));
});

test.skipIf(!isRoot)(
  "the program has the caller's limit of descriptors, with a helper and without",
  async () => {
    await using bundle = new Bundle(program);
    await startHelper(bundle);
    bundle.configure(shell("ulimit -Sn; ulimit -Hn"));
    for (const wish of ["20", "off"]) {
      const env = { TIFFIN_RUNTIME_HELPER: wish };
      const { stdout } = await call(bundle, ["run", bundle.id], env, ["prlimit", "--nofile=300:400"]);
      expect(stdout).toBe("300\n400\n");
    }
    // So few that the executor could not take what the helper sends.
    const { code, stderr } = await call(bundle, ["run", bundle.id], stay, ["prlimit", "--nofile=16:400"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  },
);

test.skipIf(!isRoot)(
  "priority, processors and disk priority are the caller's, with a helper and without",
  async () => {
    await using bundle = new Bundle(program);
    await startHelper(bundle);
    const files = "grep ^Cpus_allowed_list: /proc/self/status; ionice";
    bundle.configure(shell(`/bin/busybox cut -d " " -f 19 /proc/self/stat; ${files}`));
    const odd = ["nice", "-n", "5", "taskset", "-c", "0", "ionice", "-c", "2", "-n", "6"];
    for (const wish of ["20", "off"]) {
      const { stdout } = await call(bundle, ["run", bundle.id], { TIFFIN_RUNTIME_HELPER: wish }, odd);
      expect(stdout).toBe("5\nCpus_allowed_list:\t0\nbest-effort: prio 6\n");
    }
  },
);

test.skipIf(!isRoot)("a path that leads through a link to the caller's own directory", async () => {
  await using bundle = new Bundle(program);
  await startHelper(bundle);
  bundle.configure({ ...shell("echo out"), root: { path: bundle.rootfs } });
  const link = join(bundle.directory, "link");
  symlinkSync("/proc/self/cwd", link);
  expect(await call(bundle, ["run", "--bundle", link, bundle.id])).toEqual({
    code: 0,
    stdout: "out\n",
    stderr: "",
  });
});

test.skipIf(!isRoot)("signals reach the program, and its end the caller", async () => {
  await using bundle = new Bundle(program);
  await startHelper(bundle);
  const ready = join(bundle.rootfs, "ready");
  bundle.configure(
    shell("trap 'exit 41' TERM; trap 'echo hup' HUP; echo > /ready; while :; do sleep 0.05; done"),
  );
  const running = Bun.spawn([program, "--root", bundle.root, "run", bundle.id], {
    cwd: bundle.path,
    env: { ...process.env, ...stay },
    stdio: ["ignore", "pipe", "inherit"],
  });
  await until("the program", () => existsSync(ready));
  running.kill("SIGHUP");
  await pause(200, "the signal that the caller ignores must not end it");
  running.kill("SIGTERM");
  expect(await running.exited).toBe(41);
  expect(await new Response(running.stdout).text()).toBe("hup\n");
});

test.skipIf(!isRoot)("without a reader of the output the command ends as it would have", async () => {
  await using bundle = new Bundle(program);
  await startHelper(bundle);
  const child = Bun.spawn(
    [
      "sh",
      "-c",
      `${program} --root ${bundle.root} state none 2>&1 >/dev/null | :; ${program} --root ${bundle.root} kill none 2>&-; echo $?`,
    ],
    { env: { ...process.env, ...stay }, stdout: "pipe", stderr: "pipe" },
  );
  expect(await new Response(child.stdout).text()).toBe("1\n");
});

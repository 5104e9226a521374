/** The command line itself: words that are missing or unknown, help, version, where messages go. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Bundle, specOf } from "./bundle.ts";
import { eachRuntime, runtimes } from "./runtimes.ts";

const withId = [
  "create",
  "start",
  "state",
  "kill",
  "delete",
  "run",
  "exec",
  "ps",
  "pause",
  "resume",
  "update",
];

eachRuntime("a command that gets no id is an error", async (bundle) => {
  bundle.configure(specOf(["/bin/true"]));
  for (const command of withId) {
    const told = await bundle.call(command);
    expect({ command, refused: told.code !== 0, told: told.stderr !== "" }).toEqual({
      command,
      refused: true,
      told: true,
    });
  }
  for (const words of [["state"], ["start"], ["pause"]]) {
    expect((await bundle.call(...words, "a", "b")).code).not.toBe(0);
  }
});

eachRuntime("create without a bundle is an error", async (bundle) => {
  const told = await bundle.call("create", "--bundle", join(bundle.directory, "nowhere"), bundle.id);
  expect(told.code).not.toBe(0);
  expect((await bundle.callWith({ cwd: bundle.directory }, "create", bundle.id)).code).not.toBe(0);
});

eachRuntime("unknown commands and flags are errors that name them, and nothing is made", async (bundle) => {
  bundle.configure(specOf(["/bin/true"]));
  for (const words of [
    ["dance", bundle.id],
    ["run", "--upside-down", bundle.id],
    ["--sideways", "list"],
  ]) {
    const { code, stderr } = await bundle.call(...words);
    const named = ["dance", "upside-down", "sideways"].some((word) => stderr.includes(word));
    expect({ words, refused: code !== 0, named }).toEqual({ words, refused: true, named: true });
  }
  expect((await bundle.call("state", bundle.id)).code).toBe(1);
});

eachRuntime("--version names the program first, then the specification", async (bundle) => {
  const { code, stdout } = await bundle.call("--version");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\S+ version \S+\n/);
  expect(stdout).toMatch(/^spec: 1\.\d+\.\d+/m);
  expect((await bundle.call("-v")).stdout).toBe(stdout);
});

eachRuntime(
  "help goes to standard output and is no error, for the program and each command",
  async (bundle) => {
    for (const words of [["--help"], ...withId.map((command) => [command, "--help"])]) {
      const { code, stdout } = await bundle.call(...words);
      expect({ words, code, printed: stdout !== "" }).toEqual({ words, code: 0, printed: true });
    }
  },
);

eachRuntime(
  "the log is lines of text unless asked otherwise, and grows",
  async (bundle) => {
    const path = join(bundle.directory, "log");
    for (let count = 1; count <= 2; count += 1) {
      expect((await bundle.callWith({ globals: ["--log", path] }, "state", "nobody")).code).toBe(1);
      expect(bundle.read("log").trim().split("\n").length).toBe(count);
    }
    expect(bundle.read("log")).toMatch(/^time="?[^ ]+"? level=error msg="?/);
    expect((await bundle.callWith({ globals: ["--log-format", "xml"] }, "list")).code).not.toBe(0);
  },
  { except: { crun: "1.8 writes lines of its own form" } },
);

eachRuntime("with JSON and no file, the error on standard error is an object", async (bundle) => {
  const { code, stderr } = await bundle.callWith({ globals: ["--log-format", "json"] }, "state", "nobody");
  expect(code).toBe(1);
  expect(JSON.parse(stderr)).toMatchObject({ level: "error", msg: expect.stringMatching(/exist|No such/) });
});

eachRuntime(
  "an empty value is none: of a limit, of a signal",
  async (bundle) => {
    await bundle.create(specOf(["/bin/sleep", "1000"]));
    await bundle.start();
    const none = ["--memory", "", "--cpu-quota", "", "--cpuset-cpus", ""];
    expect((await bundle.call("update", ...none, bundle.id)).code).toBe(0);
    expect((await bundle.call("kill", bundle.id, "")).code).toBe(0);
  },
  { except: { crun: "1.8 sends signal 0, and takes an empty value for one" } },
);

eachRuntime("a pid file that cannot be written: nothing runs, nothing is left of it", async (bundle) => {
  bundle.configure(specOf(["/bin/true"]));
  const places = join(bundle.directory, "places");
  mkdirSync(join(places, "taken"), { recursive: true });
  for (const path of [join(places, "taken"), join(places, "nowhere", "pid")]) {
    const told = await bundle.detached("create", "--pid-file", path, bundle.id);
    expect({ path, code: told.code, named: told.stderr.includes(places) }).toEqual({
      path,
      code: 1,
      named: true,
    });
    expect((await bundle.call("state", bundle.id)).code).toBe(1);
  }
  // runc 1.1 leaves a `.taken`.
  if (!bundle.runtime.endsWith("runc")) expect(readdirSync(places)).toEqual(["taken"]);
});

eachRuntime(
  "ps: what the host's ps says against its options is told",
  async (bundle) => {
    await bundle.create(specOf(["/bin/true"]));
    const { code, stderr } = await bundle.call("ps", bundle.id, "-o", "pid,nonsense");
    expect({ code, told: stderr.includes("nonsense") }).toEqual({ code: 1, told: true });
  },
  { except: { crun: "1.8 passes no options on" } },
);

eachRuntime(
  "help about a command that there is not is an error",
  async (bundle) => {
    expect((await bundle.call("help", "dance")).code).not.toBe(0);
    expect((await bundle.call("h")).code).toBe(0);
  },
  { except: { crun: "1.8 has no such command" } },
);

/** Flags that callers of the other runtimes may use, by command. */
const flagsOfOthers: Readonly<Record<string, string>> = {
  create: "bundle console-socket pid-file no-pivot no-new-keyring preserve-fds",
  run: "bundle console-socket detach keep pid-file no-subreaper no-pivot no-new-keyring preserve-fds",
  exec:
    "console-socket cwd env tty user additional-gids process detach pid-file process-label apparmor no-new-privs cap " +
    "preserve-fds cgroup ignore-paused",
  kill: "all",
  delete: "force",
  list: "format quiet",
  ps: "format",
  spec: "bundle rootless",
  events: "interval stats",
  update:
    "resources blkio-weight cpu-period cpu-quota cpu-share cpu-rt-period cpu-rt-runtime cpuset-cpus cpuset-mems " +
    "kernel-memory kernel-memory-tcp memory memory-reservation memory-swap pids-limit l3-cache-schema mem-bw-schema " +
    "cpu-idle cpu-burst",
  checkpoint:
    "image-path work-path parent-path leave-running tcp-established ext-unix-sk shell-job lazy-pages status-fd " +
    "page-server file-locks pre-dump manage-cgroups-mode empty-ns auto-dedup",
  restore:
    "console-socket image-path work-path tcp-established ext-unix-sk shell-job file-locks manage-cgroups-mode bundle " +
    "detach pid-file no-subreaper no-pivot empty-ns auto-dedup lazy-pages lsm-profile lsm-mount-context",
};
const globalsOfOthers = "debug log log-format root criu systemd-cgroup rootless";

const ours = runtimes.find(({ name }) => name === "tiffin")?.path;

test.skipIf(ours === undefined)("every flag of runc is known, with one hyphen and with two", async () => {
  await using bundle = new Bundle(ours ?? "");
  const page = (await bundle.call("--help")).stdout;
  for (const flag of globalsOfOthers.split(" ")) expect(page).toContain(`--${flag}`);
  for (const [command, flags] of Object.entries(flagsOfOthers)) {
    const { stdout } = await bundle.call(command, "--help");
    for (const flag of flags.split(" ")) expect(`${command}: ${stdout}`).toContain(`--${flag}`);
  }
  expect(JSON.parse((await bundle.call("list", "-format=json")).stdout)).toBe(null);
  expect(JSON.parse((await bundle.call("list", "-f", "json")).stdout)).toBe(null);
  expect(existsSync(join(bundle.root, bundle.id))).toBe(false);
});

/** The Debian package, installed into a root of its own: what is in it, and what is left after it. */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { serviceUnitName, socketUnitName } from "../../src/cli/service/units.ts";
import { makeDebAlone, makeDockerDeb, makeTarballAlone } from "../../tools/package/package.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { until } from "../support/until.ts";

const isBuilt = process.env["TIFFIN_BIN"] !== undefined;
const place = temporaryDirectory("package");
const root = `${place.path}/root`;
const program = `${root}/usr/bin/tiffin`;
const host = `unix://${place.path}/sock`;
let older = "";
let newer = "";
let before: string[] = [];

function run(...words: string[]) {
  const done = Bun.spawnSync(words, { stdin: "ignore", env: { ...process.env, TIFFIN_HOST: host } });
  return { exitCode: done.exitCode, stdout: done.stdout.toString(), stderr: done.stderr.toString() };
}

/** Scripts of the package are run outside, with DPKG_ROOT: the root has no shell. */
const dpkg = (...words: string[]) =>
  run("dpkg", `--root=${root}`, "--force-script-chrootless", "--force-depends", ...words);

/** Everything but dpkg's own notes, and the copies that the tools for accounts keep. */
function listing(): string[] {
  const names = readdirSync(root, { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => !/^(?:var\/lib\/dpkg|var\/log)\/|^etc\/g?(?:shadow|roup)-$/.test(name))
    .sort();
}

function must(result: ReturnType<typeof run>): string {
  if (result.exitCode !== 0) throw new Error(`exit code ${result.exitCode}: ${result.stderr}`);
  return result.stdout;
}

beforeAll(async () => {
  if (!isBuilt) return;
  for (const name of ["etc/systemd/system", "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/log"]) {
    mkdirSync(join(root, name), { recursive: true });
  }
  for (const name of ["etc/group", "etc/gshadow", "etc/passwd", "var/lib/dpkg/status"]) {
    writeFileSync(join(root, name), "");
  }
  before = listing();
  const options = { out: place.path, packing: "fast" } as const;
  older = await makeDebAlone({ ...options, version: "1.0.0" });
  newer = await makeDebAlone({ ...options, version: "1.1.0" });
}, 120_000);
afterAll(() => place[Symbol.dispose]());

describe.skipIf(!isBuilt)("a package (skipped without the built program)", () => {
  test("has program, units, manual pages, completions and one configuration file", () => {
    expect(must(run("dpkg-deb", "-f", older, "Package", "Version", "Architecture"))).toMatch(
      /^Package: tiffin\nVersion: 1\.0\.0\nArchitecture: \w+\n$/,
    );
    must(dpkg("-i", older));
    for (const name of [
      "usr/bin/tiffin-runtime",
      "usr/share/man/man1/tiffin-run.1.gz",
      "usr/share/man/man5/tiffin.json.5.gz",
      "usr/share/man/man8/tiffin-daemon.8.gz",
      "usr/share/man/man8/tiffin-runtime.8.gz",
      "usr/share/doc/tiffin/copyright",
      "usr/share/doc/tiffin/changelog.gz",
      "usr/share/lintian/overrides/tiffin",
      "usr/share/bash-completion/completions/tiffin",
      "usr/share/zsh/vendor-completions/_tiffin",
      "usr/share/fish/vendor_completions.d/tiffin.fish",
      `usr/lib/systemd/system/${socketUnitName}`,
    ]) {
      expect([name, existsSync(join(root, name))]).toEqual([name, true]);
    }
    expect(readFileSync(join(root, "etc/group"), "utf8")).toMatch(/^tiffin:/m);
    expect(must(run(program, "daemon", "--validate", "--config", `${root}/etc/tiffin/tiffin.json`))).toBe(
      "the configuration is right\n",
    );
  });

  test("its socket hands over to a service whose containers outlive it", () => {
    const unit = readFileSync(join(root, `usr/lib/systemd/system/${serviceUnitName}`), "utf8");
    for (const line of [
      "Type=notify",
      "KillMode=process",
      "Delegate=yes",
      "ExecStart=/usr/bin/tiffin daemon",
    ]) {
      expect(unit).toContain(`\n${line}\n`);
    }
  });

  test("an upgrade leaves a container running, and the new program takes it over", async () => {
    const directories = ["--root", `${place.path}/state`, "--run", `${place.path}/run`, "--host", host];
    const start = async (): Promise<Bun.Subprocess> => {
      const engine = Bun.spawn([program, "daemon", ...directories], { stdin: "ignore" });
      await until("the engine answers", () => run(program, "ps").exitCode === 0);
      return engine;
    };
    let engine = await start();
    try {
      const id = must(run(program, "run", "-d", "base", "sleep", "1000")).trim();
      must(dpkg("-i", newer));
      const pid = must(run(program, "inspect", "-f", "{{.State.Pid}}", id));
      engine.kill("SIGTERM");
      await engine.exited;
      engine = await start();
      expect(must(run(program, "inspect", "-f", "{{.State.Pid}}", id))).toBe(pid);
      must(run(program, "rm", "-f", id));
    } finally {
      engine.kill("SIGTERM");
      await engine.exited;
    }
  }, 60_000);

  test("tiffin-docker gives it the name docker, beside the client of a Docker engine it is refused", () => {
    const named = makeDockerDeb({ out: place.path, version: "1.0.0" });
    must(dpkg("-i", named));
    expect(must(run("sh", "-c", `PATH=${root}/usr/bin:$PATH exec ${root}/usr/bin/docker --version`))).toBe(
      must(run(program, "--version")),
    );
    must(dpkg("-P", "tiffin-docker"));
    expect(existsSync(`${root}/usr/bin/docker`)).toBeFalse();
    const other = `${place.path}/docker.io`;
    mkdirSync(`${other}/DEBIAN`, { recursive: true });
    writeFileSync(
      `${other}/DEBIAN/control`,
      "Package: docker.io\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n",
    );
    must(run("dpkg-deb", "--root-owner-group", "--build", other, `${other}.deb`));
    must(dpkg("-i", `${other}.deb`));
    const { exitCode, stderr } = dpkg("-i", named);
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain("tiffin-docker conflicts with docker.io");
    must(dpkg("-P", "docker.io"));
  });

  test("the tarball wants nothing of a root but the C library, and says so", async () => {
    const empty = `${place.path}/empty`;
    mkdirSync(`${empty}/proc`, { recursive: true });
    const tarball = await makeTarballAlone({ out: place.path, packing: "fast", version: "1.0.0" });
    must(run("tar", "-C", empty, "-xf", tarball));
    const within = (...words: string[]) =>
      run(
        "unshare",
        "-m",
        "sh",
        "-ec",
        'mount -t proc proc "$1/proc"; exec chroot "$@"',
        "sh",
        empty,
        ...words,
      );
    const alone = within("/usr/bin/tiffin", "--version");
    expect(alone.exitCode).toBe(1);
    expect(alone.stderr).toBe("tiffin: the C library's dynamic linker cannot be read\n");
    const needed = must(run("ldd", process.execPath)).matchAll(/(?:^\s*|=> )(\/\S+) \(/gm);
    for (const [, library = ""] of needed) must(run("cp", "-L", "--parents", library, empty));
    expect(must(within("/usr/bin/tiffin", "--version"))).toBe(must(run(program, "--version")));
    expect(must(within("/usr/bin/tiffin", "daemon", "--validate"))).toBe("the configuration is right\n");
  });

  test("an older package is refused where a newer program has written the state", () => {
    const state = join(root, "var/lib/tiffin");
    mkdirSync(state, { recursive: true });
    const database = new Database(join(state, "tiffin.db"), { create: true });
    database.run("PRAGMA user_version = 70000");
    database.close();
    const { exitCode, stderr } = dpkg("-i", older);
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain(
      "tiffin.db was written by a newer Tiffin: its state has version 70000, version 1.0.0 of the package knows up to ",
    );
    expect(must(dpkg("-s", "tiffin"))).toContain("Version: 1.1.0\n");
  });

  test("removed it leaves configuration and state, purged nothing", () => {
    must(dpkg("-r", "tiffin"));
    const kept = listing().filter((name) => !before.includes(name));
    expect(kept).toContain("etc/tiffin/tiffin.json");
    expect(kept).toContain("var/lib/tiffin/tiffin.db");
    expect(kept.filter((name) => name.startsWith("usr"))).toEqual([]);
    must(dpkg("-P", "tiffin"));
    expect(listing().filter((name) => !before.includes(name))).toEqual([]);
    expect(readFileSync(join(root, "etc/group"), "utf8")).toBe("");
  });
});

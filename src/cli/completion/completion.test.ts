/** The scripts in the shells themselves. A program called tiffin answers them with names of its own. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { commandTable } from "../command-table.ts";
import { containerFlags } from "../container-config/container-flags.ts";
import { runCli } from "../run-cli.ts";
import { fakeIo } from "../testing/fake-io.ts";
import { valuesOf } from "./option-values.ts";

const directory = temporaryDirectory("completion");

/** Names that the false engine knows. */
const program = `#!/bin/sh
case "$*" in
  "ps --all --format {{.Names}}") printf 'web\\nold\\n' ;;
  "ps --format {{.Names}}") printf 'web\\n' ;;
  "ps --filter status=paused --format {{.Names}}") printf 'asleep\\n' ;;
  "ps --all --filter status=created --filter status=exited --format {{.Names}}") printf 'old\\n' ;;
  "volume ls --quiet") printf 'data\\n' ;;
  "images --format {{.Repository}}:{{.Tag}}") printf 'base:latest\\nlocalhost:5000/app:1\\n' ;;
  "network ls --format {{.Name}}") printf 'bridge\\nhost\\nnone\\nlunch\\n' ;;
  *) echo "unexpected: $*" >&2; exit 1 ;;
esac
`;

beforeAll(async () => {
  await Bun.write(`${directory.path}/tiffin`, program);
  chmodSync(`${directory.path}/tiffin`, 0o755);
  for (const shell of ["bash", "zsh", "fish"]) {
    const io = fakeIo();
    expect(await runCli(["completion", shell], io)).toBe(0);
    await Bun.write(`${directory.path}/script.${shell}`, io.outputText());
  }
});

afterAll(() => directory[Symbol.dispose]());

type Shell = "bash" | "zsh" | "fish";

/** Shell programs that print what is offered at the end of `$LINE`, a word a line. */
const askers: Readonly<Record<Shell, readonly string[]>> = {
  bash: [
    "--norc",
    "-c",
    `source script.bash; COMP_LINE=$LINE COMP_POINT=$(printf %s "$LINE" | wc -c); _tiffin; for word in "\${COMPREPLY[@]}"; do echo "$word"; done`,
  ],
  // As zsh's adapter calls it.
  zsh: [
    "-f",
    "-c",
    `compdef() { :; }; source ./script.zsh; emulate -L sh; setopt kshglob noshglob braceexpand; COMP_LINE=$LINE COMP_POINT=$(printf %s "$LINE" | wc -c); _tiffin; for word in "\${COMPREPLY[@]}"; do echo "$word"; done`,
  ],
  fish: ["--no-config", "-c", "source script.fish; complete -C $LINE | string replace -r '\\t.*' ''"],
};

function offered(shell: Shell, line: string): string[] {
  const { stdout, stderr } = Bun.spawnSync([shell, ...askers[shell]], {
    cwd: directory.path,
    env: {
      ...process.env,
      PATH: `${directory.path}:${process.env["PATH"]}`,
      HOME: directory.path,
      LINE: line,
    },
  });
  expect(stderr.toString()).toBe("");
  const all = stdout.toString().split("\n").filter(Boolean).sort();
  // zsh itself leaves out what does not begin as typed.
  const typed = line.split(" ").at(-1) ?? "";
  return shell === "zsh" ? all.filter((word) => word.startsWith(typed)) : all;
}

const cases: readonly (readonly [line: string, wanted: readonly string[]])[] = [
  ["tiffin run --restart ", ["always", "no", "on-failure", "on-unhealthy", "unless-stopped"]],
  ["tiffin run --restart un", ["unless-stopped"]],
  ["tiffin run --pull ", ["always", "missing", "never"]],
  ["tiffin run --log-driver ", ["fluentd", "gelf", "journald", "json-file", "local", "none", "syslog"]],
  ["tiffin run --runtime ", ["crun", "runc", "tiffin"]],
  ["tiffin container run --network ", ["bridge", "container:", "host", "lunch", "none"]],
  ["tiffin network rm l", ["lunch"]],
  ["tiffin network connect l", ["lunch"]],
  ["tiffin network create lun", []],
  ["tiffin kill --signal HU", ["HUP"]],
  ["tiffin kill -s HU", ["HUP"]],
  ["tiffin stop --signal TER", ["TERM"]],
  ["tiffin explain --format ", ["json", "markdown", "plain", "sh", "text"]],
  ["tiffin ps --format ", ["json", "table"]],
  ["tiffin container ls --format ", ["json", "table"]],
  ["tiffin inspect --type ", ["container", "image", "network", "volume"]],
  ["tiffin run --volumes-from ", ["old", "web"]],
  ["tiffin unpause ", ["asleep"]],
  ["tiffin container unpause as", ["asleep"]],
  ["tiffin start ", ["old"]],
  ["tiffin run -v ", ["data"]],
  ["tiffin create --volume d", ["data"]],
  ["tiffin ps --filter status=p", ["status=paused"]],
  ["tiffin ps -f health=u", ["health=unhealthy"]],
  ["tiffin run --cap-add NET_A", ["NET_ADMIN"]],
  ["tiffin logs ", ["old", "web"]],
  ["tiffin why ", ["host", "outside", "web"]],
  ["tiffin why web w", ["web"]],
  ["tiffin explain ", ["exec", "network", "old", "rm", "run", "web"]],
  ["tiffin proc we", ["web"]],
  ["tiffin proc limi", ["limits"]],
  ["tiffin cgroup ", ["web"]],
  ["tiffin trace --lang ", ["en", "zh"]],
  ["tiffin exec ", ["web"]],
  ["tiffin stop ", ["web"]],
  ["tiffin rm o", ["old"]],
  ["tiffin completion ", ["bash", "fish", "zsh"]],
  ["tiffin container ren", ["rename"]],
  ["tiffin comp", ["completion"]],
  ["tiffin logs --foll", ["--follow"]],
  ["tiffin la", ["lab"]],
  ["tiffin lab li", ["link"]],
  ["tiffin lab bridge addi", ["addif"]],
  ["tiffin lab route ls --js", ["--json"]],
];

/** The word that a shell replaces begins in bash after a colon, in the others where the blank is. */
const byShell: Readonly<Record<Shell, readonly (readonly [string, readonly string[]])[]>> = {
  bash: [
    ["tiffin run base:la", ["latest"]],
    ["tiffin run localhost:5", ["5000/app:1"]],
    ["tiffin run --restart=al", ["always"]],
    ["tiffin run --name x -d ", ["base:latest", "localhost:5000/app:1"]],
    ["tiffin run --name x base ", []],
    ["tiffin run --name ", []],
    ["tiffin rm old ", ["old", "web"]],
    ["tiffin exec web ", []],
    ["tiffin inspect w", ["web"]],
    ["tiffin run *", []],
  ],
  zsh: [
    ["tiffin run base:la", ["base:latest"]],
    ["tiffin rm old ", ["old", "web"]],
    ["tiffin exec web ", []],
  ],
  fish: [
    ["tiffin run --name x -d b", ["base:latest"]],
    ["tiffin run --restart=al", ["--restart=always"]],
  ],
};

for (const shell of ["bash", "zsh", "fish"] as const) {
  const isHere = Bun.which(shell) !== null;
  describe.skipIf(!isHere)(`in ${shell} (skipped where it is not installed)`, () => {
    test.each([...cases, ...byShell[shell]])("%s", (line, wanted) => {
      expect(offered(shell, line)).toEqual([...wanted].sort());
    });
  });
}

test("every option and command that values are kept for exists", async () => {
  const flags = new Set<string>(Object.keys(containerFlags));
  for (const { load } of commandTable) {
    const command = await load();
    for (const long of Object.keys(command.flags)) {
      flags.add(long);
      const shortest = command.names.at(-1) ?? "";
      if (long === "format" || long === "filter" || long === "signal")
        expect(valuesOf(shortest, long)?.words.length ?? 0).toBeGreaterThan(0);
    }
  }
  const kept = (await Bun.file(`${import.meta.dir}/option-values.ts`).text()).matchAll(
    /^ {2}"?(?:[a-z]+ )*([a-z-]+)"?: /gm,
  );
  for (const [, option = ""] of kept) expect([...flags]).toContain(option);
});

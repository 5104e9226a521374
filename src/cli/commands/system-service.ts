/** `tiffin system service`: the engine as a service of systemd, on machines where no package has made it one. */
import { TiffinError } from "../../lib/errors.ts";
import { suggestion } from "../../lib/suggestion.ts";
import { defineCommand } from "../command.ts";
import type { CliContext } from "../context.ts";
import { serviceUnit, serviceUnitName, socketUnit, socketUnitName, unitMark } from "../service/units.ts";

const directory = "/etc/systemd/system";
const groupName = "tiffin";
const notActive = 3;
const names = [socketUnitName, serviceUnitName] as const;

type Verb = (context: CliContext) => number;

/** Runs a program; what it prints, or what has failed. */
function must(context: CliContext, ...words: readonly string[]): string {
  const { exitCode, stdout } = context.io.runProgram(words, "");
  if (exitCode === 0) return stdout.trim();
  throw new TiffinError(
    "unavailable",
    "service.program",
    `${words.join(" ")} failed with exit code ${exitCode}`,
  );
}

function needSystemd(context: CliContext): void {
  if (context.io.runProgram(["test", "-d", "/run/systemd/system"], "").exitCode === 0) return;
  throw new TiffinError("unavailable", "service.no-systemd", "systemd does not run this machine", {
    remedy: "start the engine by other means: tiffin daemon",
  });
}

/** What is at a unit's place: nothing, ours, or somebody else's. */
function ownerOf({ io }: CliContext, name: string): "nobody" | "install" | "other" {
  const path = `${directory}/${name}`;
  if (io.pathKind(path) === "missing") return "nobody";
  return new TextDecoder().decode(io.readFile(path)).startsWith(unitMark) ? "install" : "other";
}

function refuseForeign(context: CliContext): void {
  for (const name of names) {
    if (ownerOf(context, name) !== "other") continue;
    throw new TiffinError(
      "conflict",
      "service.foreign-unit",
      `${directory}/${name} is not from this command`,
      {
        remedy: "remove or rename it first",
      },
    );
  }
}

function refusePackaged(context: CliContext): void {
  for (const place of ["/lib/systemd/system", "/usr/lib/systemd/system"]) {
    if (context.io.pathKind(`${place}/${serviceUnitName}`) === "missing") continue;
    throw new TiffinError(
      "conflict",
      "service.packaged",
      `a package has installed ${place}/${serviceUnitName}`,
      {
        remedy: `use it: systemctl enable --now ${socketUnitName} ${serviceUnitName}`,
      },
    );
  }
}

function writeUnit(context: CliContext, name: string, text: string): void {
  const path = `${directory}/${name}`;
  const file = context.io.beginFile(path);
  try {
    file.write(new TextEncoder().encode(`${unitMark}\n${text}`));
    file.finish();
  } finally {
    file[Symbol.dispose]();
  }
  must(context, "chmod", "644", path);
  context.out(`wrote ${path}\n`);
}

function install(context: CliContext): number {
  needSystemd(context);
  refusePackaged(context);
  refuseForeign(context);
  const program = must(context, "sh", "-c", "readlink -f /proc/$PPID/exe");
  if (!/(?:^|\/)tiffin$/.test(program)) {
    throw new TiffinError(
      "invalid",
      "service.not-built",
      `this program is ${program}, which systemd cannot start as tiffin`,
      {
        remedy: "install from the built program",
      },
    );
  }
  if (!new RegExp(`^${groupName}:`, "m").test(new TextDecoder().decode(context.io.readFile("/etc/group")))) {
    must(context, "groupadd", "--system", groupName);
    context.out(`made the group ${groupName}\n`);
  }
  writeUnit(context, socketUnitName, socketUnit());
  writeUnit(context, serviceUnitName, serviceUnit(program));
  must(context, "systemctl", "daemon-reload");
  must(context, "systemctl", "enable", "--quiet", "--now", ...names);
  context.out(`the engine runs, and starts with the machine\n`);
  return 0;
}

function uninstall(context: CliContext): number {
  needSystemd(context);
  refuseForeign(context);
  const ours = names.filter((name) => ownerOf(context, name) === "install");
  if (ours.length === 0) {
    context.out("there is no service from this command\n");
    return 0;
  }
  must(context, "systemctl", "disable", "--quiet", "--now", ...ours);
  for (const name of ours) {
    context.io.removeFile(`${directory}/${name}`);
    context.out(`removed ${directory}/${name}\n`);
  }
  must(context, "systemctl", "daemon-reload");
  context.out("containers and state are still there; the group tiffin is, too\n");
  return 0;
}

function status(context: CliContext): number {
  needSystemd(context);
  const ask = (verb: string, name: string): string =>
    context.io.runProgram(["systemctl", verb, name], "").stdout.trim() || "unknown";
  for (const name of names) context.out(`${name}: ${ask("is-enabled", name)}, ${ask("is-active", name)}\n`);
  return ask("is-active", serviceUnitName) === "active" ? 0 : notActive;
}

const verbs: Readonly<Record<string, Verb>> = { install, uninstall, status };

export const command = defineCommand({
  names: ["system service"],
  usage: "install|uninstall|status",
  summary: "Make the engine a service of systemd",
  details:
    "install writes tiffin.socket and tiffin.service for this program and starts them; uninstall takes them away again and leaves containers and state alone; status tells whether they are enabled and active, and exits with 3 when the engine does not run. A package brings units of its own.",
  flags: {},
  least: 1,
  most: 1,
  run({ positionals, context }) {
    const [name = ""] = positionals;
    const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
    if (verb === undefined) {
      throw new Error(
        `unknown verb ${JSON.stringify(name)}: wanted install, uninstall or status${suggestion(name, Object.keys(verbs))}`,
      );
    }
    return Promise.resolve(verb(context));
  },
});

/**
 * The commands of Docker's client in the families that this project has, with their options, as its own help tells them: what
 * `docker-client.json` holds, and what a test compares with the client of the machine.
 */

export interface DockerClientCommands {
  /** Of the client that was asked. */
  readonly version: string;
  /** By full name, `container run`: options as `--long`, or `-s, --long`. */
  readonly commands: Readonly<Record<string, readonly string[]>>;
}

const families = ["container", "image", "manifest", "volume", "system"];
const alone = ["inspect", "login", "logout", "search", "version"];

/** The names below `Commands:`. */
function commandsIn(help: string): string[] {
  const section = /\nCommands:\n((?: {2}.*\n)+)/.exec(help)?.[1] ?? "";
  return [...section.matchAll(/^ {2}(\w[\w-]*)/gm)].map(([, name = ""]) => name);
}

/** The options below `Options:`; lines that are further in are the rest of an explanation. */
function optionsIn(help: string): string[] {
  const section = help.slice(help.indexOf("\nOptions:\n"));
  if (!section.startsWith("\nOptions:")) return [];
  return [...section.matchAll(/^ {2}(?:(-\w), | {4})(--[a-z0-9-]+)/gm)].map(([, short, long = ""]) =>
    short === undefined ? long : `${short}, ${long}`,
  );
}

/** Asks a client. `help` gives what `docker WORDS --help` prints. */
export function askDockerClient(
  version: string,
  help: (words: readonly string[]) => string,
): DockerClientCommands {
  const commands = families.flatMap((family) =>
    commandsIn(help([family])).map((name) => [`${family} ${name}`, optionsIn(help([family, name]))] as const),
  );
  const others = alone.map((name) => [name, optionsIn(help([name]))] as const);
  return { version, commands: Object.fromEntries([...commands, ...others]) };
}

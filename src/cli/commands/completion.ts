/** `tiffin completion SHELL`: a script that completes commands, their options, and the names of containers. */
import { type Command, defineCommand } from "../command.ts";
import { commandGroups, commandTable } from "../command-table.ts";

interface Completable {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly string[];
  readonly containers: boolean;
}

function describe(name: string, command: Command): Completable {
  const options = Object.entries(command.flags)
    .filter(([, flag]) => !flag.hidden)
    .flatMap(([long, flag]) => (flag.short === undefined ? [`--${long}`] : [`--${long}`, `-${flag.short}`]));
  return { name, summary: command.summary, options, containers: command.usage.includes("CONTAINER") };
}

async function completables(): Promise<Completable[]> {
  const lists = await Promise.all(
    commandTable.map(async (entry) => {
      const command = await entry.load();
      return entry.names.map((name) => describe(name, command));
    }),
  );
  return lists.flat().sort((a, b) => (a.name < b.name ? -1 : 1));
}

function topWords(all: readonly Completable[]): string[] {
  const own = all.filter((one) => !one.name.includes(" ")).map((one) => one.name);
  return [...own, ...commandGroups.map((group) => group.name), "daemon", "help"].sort();
}

function membersOf(all: readonly Completable[], group: string): string[] {
  return all.filter((one) => one.name.startsWith(`${group} `)).map((one) => one.name.slice(group.length + 1));
}

const groupPattern = commandGroups.map((group) => group.name).join("|");

function bashScript(all: readonly Completable[]): string {
  const cases = all.map((one) => {
    const words = `${one.options.join(" ")} --help`;
    return `    "${one.name}") words="${words}" containers=${one.containers ? 1 : 0} ;;\n`;
  });
  const groups = commandGroups.map(
    (group) => `    "${group.name}") words="${membersOf(all, group.name).join(" ")}" ;;\n`,
  );
  return `# bash completion for tiffin; load it with: source <(tiffin completion bash)
_tiffin() {
  local current=\${COMP_WORDS[COMP_CWORD]} command=\${COMP_WORDS[1]} words="" containers=0
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W "${topWords(all).join(" ")}" -- "$current"))
    return
  fi
  if [[ $COMP_CWORD -gt 2 && $command =~ ^(${groupPattern})$ ]]; then command="$command \${COMP_WORDS[2]}"; fi
  case "$command" in
${cases.join("")}${groups.join("")}  esac
  if [[ $containers -eq 1 && $current != -* ]]; then words=$(tiffin ps --all --format '{{.Names}}' 2>/dev/null); fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _tiffin tiffin
`;
}

function zshScript(all: readonly Completable[]): string {
  // zsh runs bash completions through its own adapter.
  return `#compdef tiffin
# zsh completion for tiffin; load it with: source <(tiffin completion zsh)
autoload -Uz bashcompinit && bashcompinit
${bashScript(all).split("\n").slice(1).join("\n")}`;
}

function fishQuote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

function fishScript(all: readonly Completable[]): string {
  const lines = [
    "# fish completion for tiffin; load it with: tiffin completion fish | source",
    "complete -c tiffin -f",
  ];
  for (const one of all) {
    const words = one.name.split(" ");
    const [first = "", second] = words;
    const condition =
      second === undefined
        ? "__fish_use_subcommand"
        : `__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${membersOf(all, first).join(" ")}`;
    lines.push(
      `complete -c tiffin -n ${fishQuote(condition)} -a ${second ?? first} -d ${fishQuote(one.summary)}`,
    );
    if (second !== undefined) continue;
    const here = fishQuote(`__fish_seen_subcommand_from ${first}`);
    for (const option of one.options) {
      const kind = option.startsWith("--") ? `-l ${option.slice(2)}` : `-s ${option.slice(1)}`;
      lines.push(`complete -c tiffin -n ${here} ${kind}`);
    }
    if (one.containers) {
      lines.push(`complete -c tiffin -n ${here} -a "(tiffin ps --all --format '{{.Names}}' 2>/dev/null)"`);
    }
  }
  for (const group of commandGroups) {
    lines.push(`complete -c tiffin -n __fish_use_subcommand -a ${group.name} -d ${fishQuote(group.summary)}`);
  }
  return `${lines.join("\n")}\n`;
}

const scripts: Readonly<Record<string, (all: readonly Completable[]) => string>> = {
  bash: bashScript,
  fish: fishScript,
  zsh: zshScript,
};

export const command = defineCommand({
  names: ["completion"],
  usage: "bash|fish|zsh",
  summary: "Print a completion script for a shell",
  flags: {},
  least: 1,
  most: 1,
  async run({ positionals, context }) {
    const [shell = ""] = positionals;
    const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
    if (script === undefined)
      throw new Error(`unknown shell ${JSON.stringify(shell)}: wanted bash, fish or zsh`);
    context.out(script(await completables()));
    return 0;
  },
});

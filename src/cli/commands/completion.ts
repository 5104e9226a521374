/** `tiffin completion SHELL`: a script that completes commands, their options, and what stands behind both. */
import { defineCommand } from "../command.ts";
import { bashScript, zshScript } from "../completion/bash-script.ts";
import { type Completable, completables } from "../completion/completable.ts";
import { fishScript } from "../completion/fish-script.ts";

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

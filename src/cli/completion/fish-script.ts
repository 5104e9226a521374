/** The completion script for fish, which takes one line for every option. */
import { membersOf } from "./command-words.ts";
import { type Completable, type CompletableOption, completableGroups } from "./completable.ts";
import { listCommands, type Offer } from "./offer.ts";

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/** What fish evaluates to get an offer. */
function offerText(offer: Offer): string {
  return [...offer.words, ...offer.lists.map((list) => `(${listCommands[list]})`)].join(" ");
}

function optionLine(condition: string, option: CompletableOption): string {
  const short = option.short === undefined ? "" : ` -s ${option.short}`;
  // -x: nothing but these values; -r: any value, files among them.
  const values = option.values === undefined ? " -r -F" : ` -x -a ${quote(offerText(option.values))}`;
  const value = option.takesValue ? values : "";
  return `complete -c tiffin -n ${condition}${short} -l ${option.long}${value} -d ${quote(option.help)}`;
}

/** True where this command, of a group or not, has been typed. */
function conditionOf(all: readonly Completable[], name: string): string {
  const [first = "", second] = name.split(" ");
  if (second !== undefined)
    return quote(`__fish_seen_subcommand_from ${first}; and __fish_seen_subcommand_from ${second}`);
  const groups = completableGroups.map((group) => group.name).join(" ");
  const isMember = completableGroups.some((group) => membersOf(all, group.name).includes(name));
  const others = isMember ? `; and not __fish_seen_subcommand_from ${groups}` : "";
  return quote(`__fish_seen_subcommand_from ${first}${others}`);
}

/** True where this command may be typed. */
function placeOf(all: readonly Completable[], name: string): string {
  const [first = "", second] = name.split(" ");
  if (second === undefined) return quote("__fish_use_subcommand");
  const members = membersOf(all, first).join(" ");
  return quote(`__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${members}`);
}

export function fishScript(all: readonly Completable[]): string {
  const lines = [
    "# fish completion for tiffin; load it with: tiffin completion fish | source",
    "complete -c tiffin -f",
  ];
  for (const group of completableGroups)
    lines.push(`complete -c tiffin -n __fish_use_subcommand -a ${group.name} -d ${quote(group.summary)}`);
  for (const one of all) {
    const word = one.name.split(" ").at(-1) ?? one.name;
    const condition = conditionOf(all, one.name);
    lines.push(`complete -c tiffin -n ${placeOf(all, one.name)} -a ${word} -d ${quote(one.summary)}`);
    for (const option of one.options) lines.push(optionLine(condition, option));
    const offer = offerText(one.arguments);
    if (offer !== "") lines.push(`complete -c tiffin -n ${condition} -a ${quote(offer)}`);
  }
  return `${lines.join("\n")}\n`;
}

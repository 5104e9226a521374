/** The completion script for bash, and the same within zsh. */
import { membersOf, topWords } from "./command-words.ts";
import { type Completable, type CompletableOption, completableGroups } from "./completable.ts";
import { listCommands, type Offer } from "./offer.ts";

function optionWords(option: CompletableOption): string[] {
  return option.short === undefined ? [`--${option.long}`] : [`--${option.long}`, `-${option.short}`];
}

/** Shell code that puts an offer into `words`. */
function offerCode(offer: Offer): string {
  const live = offer.lists.map((list) => ` $(${listCommands[list]})`);
  return `words="${offer.words.join(" ")}${live.join("")}"`;
}

/** The same values stand behind many options, so cases are put together by what they offer. */
function valueCases(all: readonly Completable[]): string {
  const byCode = new Map<string, string[]>();
  for (const { name, options } of all) {
    for (const option of options) {
      if (option.values === undefined) continue;
      const code = offerCode(option.values);
      const patterns = optionWords(option).map((word) => `"${name} ${word}"`);
      byCode.set(code, [...(byCode.get(code) ?? []), ...patterns]);
    }
  }
  return [...byCode].map(([code, patterns]) => `    ${patterns.join("|")}) ${code} ;;\n`).join("");
}

function commandCases(all: readonly Completable[]): string {
  return all
    .map(({ name, options, arguments: offer, isRepeated }) => {
      const every = options.flatMap(optionWords).join(" ");
      const valued = options
        .filter(({ takesValue }) => takesValue)
        .flatMap(optionWords)
        .join(" ");
      const most = isRepeated ? "many" : offer.words.length + offer.lists.length > 0 ? "one" : "none";
      return `    "${name}") options="${every} --help" valued=" ${valued} " arguments=${most} ;;\n`;
    })
    .join("");
}

function argumentCases(all: readonly Completable[]): string {
  return all
    .filter(({ arguments: offer }) => offer.words.length + offer.lists.length > 0)
    .map(({ name, arguments: offer }) => `    "${name}") ${offerCode(offer)} ;;\n`)
    .join("");
}

function groupCases(all: readonly Completable[]): string {
  return completableGroups
    .map((group) => `    "${group.name}") options="${membersOf(all, group.name).join(" ")}" ;;\n`)
    .join("");
}

const groupPattern = completableGroups.map((group) => group.name).join("|");

const head = "# bash completion for tiffin; load it with: source <(tiffin completion bash)\n";

/** The function that both shells use. It reads the line itself, because bash cuts words at `:` and `=`. */
function functions(all: readonly Completable[]): string {
  return `_tiffin_value() {
  case "$1" in
${valueCases(all)}    *) return 1 ;;
  esac
}
_tiffin_argument() {
  case "$1" in
${argumentCases(all)}  esac
}
_tiffin() {
  local line="\${COMP_LINE:0:$COMP_POINT}" words="" options="" valued=" " arguments=none
  local current="\${line##*[[:space:]]}" command="" seen=0 option="" word="" prefix="" reply=""
  local -a parts
  set -f
  parts=($line)
  set +f
  if [[ -n $current ]]; then parts=("\${parts[@]:0:\${#parts[@]}-1}"); fi
  if [[ \${#parts[@]} -eq 1 ]]; then
    COMPREPLY=($(compgen -W "${topWords(all).join(" ")}" -- "$current"))
    return
  fi
  parts=("\${parts[@]:1}")
  command="\${parts[*]:0:1}"
  parts=("\${parts[@]:1}")
  if [[ \${#parts[@]} -gt 0 && $command =~ ^(${groupPattern})$ ]]; then
    command="$command \${parts[*]:0:1}"
    parts=("\${parts[@]:1}")
  fi
  case "$command" in
${commandCases(all)}${groupCases(all)}  esac
  for word in "\${parts[@]}"; do
    if [[ -n $option ]]; then option=""
    elif [[ $word == -* ]]; then [[ $valued != *" $word "* ]] || option="$word"
    else seen=$((seen + 1)); fi
  done
  if [[ $current == --*=* ]]; then
    option="\${current%%=*}"
    current="\${current#*=}"
  fi
  if [[ -n $option ]]; then _tiffin_value "$command $option" || return 0
  elif [[ $current == -* ]]; then words="$options"
  elif [[ $arguments == many || ( $arguments == one && $seen -eq 0 ) ]]; then _tiffin_argument "$command"
  elif [[ $arguments == none ]]; then words="$options"; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [[ \${#COMPREPLY[@]} -eq 1 && $COMPREPLY == *[=:] ]]; then compopt -o nospace 2>/dev/null; fi
  # What stands before the last colon is not part of the word that bash replaces.
  if [[ $current == *:* && $COMP_WORDBREAKS == *:* ]]; then
    prefix="\${current%"\${current##*:}"}"
    COMPREPLY=("\${COMPREPLY[@]#"$prefix"}")
  fi
}
complete -o default -F _tiffin tiffin
`;
}

export function bashScript(all: readonly Completable[]): string {
  return head + functions(all);
}

/** zsh runs bash completions through its own adapter. */
export function zshScript(all: readonly Completable[]): string {
  return `#compdef tiffin
# zsh completion for tiffin; load it with: source <(tiffin completion zsh)
autoload -Uz bashcompinit && bashcompinit
${functions(all)}`;
}

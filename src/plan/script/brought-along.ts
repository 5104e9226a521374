/** What a script brings along: layers, the host's programs, its helper, a filter, the environment. Pure. */
import { oneLine, quote } from "../../lib/shell-words.ts";
import type { HiddenWords } from "../explain/mod.ts";
import type { Plan } from "../plan.ts";
import type { Say } from "../say/mod.ts";
import { givenWord } from "./op-script.ts";

/** EROFS images are mounted read-only through a loop device; directories are used as they are. */
export function layerLines({ receives }: Plan, sources: ReadonlyMap<string, string>, say: Say): string[] {
  const layers = receives.filter(({ name }) => name.startsWith("lower:") && sources.has(name));
  if (layers.length === 0) return [];
  return [
    `# ${say("The image's layers: files that hold EROFS file systems, in the engine's directory. Mounted before the control groups are")}`,
    `# ${say("joined, as those allow no loop device.")}`,
    ...layers.flatMap(({ name }, index) => {
      const place = `"$work"/${name.replace(":", "-")}`;
      const source = quote(sources.get(name) ?? "");
      // The lowest takes the place of them all.
      const other = index === layers.length - 1 ? `mount --bind "$ROOTFS" ${place}` : ":";
      return [
        `mkdir ${place}`,
        `if [ -n "\${ROOTFS-}" ]; then ${other}`,
        `elif [ -f ${source} ]; then mount -t erofs -o loop,ro ${source} ${place}`,
        `else echo ${quote(say("layer {0} is not here: run this where it was written, or say ROOTFS=/some/directory", oneLine(sources.get(name) ?? "")))} >&2; exit 1`,
        "fi",
      ];
    }),
  ];
}

/** A file of the script's. Words of a container may have many lines: none of them is taken for the end. */
export function hereDocument(file: string, wanted: string, lines: readonly string[]): string[] {
  const inside = new Set(lines.join("\n").split("\n"));
  let end = wanted;
  while (inside.has(end)) end += "_";
  return [`cat > "$work/${file}" <<'${end}'`, ...lines, end];
}

/** What a shell takes for the name of a variable; a container's can be called anything, also what a shell would run. */
const variableWord = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Kept before the script sets variables of its own, which may have the same name. */
const keptPrefix = "given_";

export function maskedLines(masked: ReadonlySet<string>, say: Say): string[] {
  return [...masked].flatMap((variable) => {
    const note = (text: string): string => `echo ${quote(say("note: {0}", text))} >&2`;
    return variableWord.test(variable)
      ? [
          `[ -n "\${${variable}+x}" ] || ${note(say("{0} is not set: its value is masked here", variable))}`,
          `export ${keptPrefix}${variable}="\${${variable}-}"`,
        ]
      : note(
          say(
            "{0} is left out: no shell has a variable of such a name; explain --show-secrets writes it in",
            oneLine(variable),
          ),
        );
  });
}

/** Words of the command that are masked come from whoever runs the script; of others there is no script without them. */
export function hiddenLines(
  { ofCommand, elsewhere }: HiddenWords,
  say: Say,
  fail: (why: string) => string,
): string[] {
  const everything = elsewhere
    ? [fail(say("words of this container are masked here: explain --show-secrets writes them in"))]
    : [];
  return [
    ...everything,
    ...[...ofCommand].flatMap((index) => {
      const variable = givenWord(index);
      const why = say("word {0} of the command is masked here: set {1} to it", index + 1, variable);
      return [`[ -n "\${${variable}+x}" ] || ${fail(why)}`, `export ${variable}`];
    }),
  ];
}

/** Masked ones come from the environment of whoever runs the script. */
export function environmentWords(
  { ops }: Plan,
  { masked }: { readonly masked: ReadonlySet<string> },
): string[] {
  const exec = ops.find((op) => op.op === "exec");
  if (exec?.op !== "exec") return [];
  return exec.fields.environment.flatMap((entry) => {
    const name = entry.slice(0, Math.max(0, entry.indexOf("=")));
    if (!masked.has(name)) return [quote(`env=${entry}`)];
    return variableWord.test(name) ? [`"env=${name}=\${${keptPrefix}${name}-}"`] : [];
  });
}

/** The host's programs that are wanted where there are none of the host's. */
export function toolLines(hasFilter: boolean): string[] {
  return [
    'mount -t tmpfs -o mode=0755 tools "$work/tools"',
    "for program in perl setpriv umount; do",
    '  program=$(readlink -f "$(command -v "$program")")',
    '  ldd "$program" | while read -r library arrow file _; do',
    "    case $library in",
    '      /*) cp -L "$library" "$work/tools/loader" ;;',
    '      *) if [ "$arrow" = "=>" ]; then cp -L "$file" "$work/tools/"; fi ;;',
    "    esac",
    "  done",
    "done",
    'for program in perl setpriv umount; do cp -L "$(command -v $program)" "$work/tools/"; done',
    'cp "$work/helper.pl" "$work/tools/"',
    ...(hasFilter ? ['cp "$work/filter" "$work/tools/"'] : []),
    'chmod -R a+rX,a-w "$work/tools"',
    'exec 9< "$work/tools"',
    "tools=/proc/self/fd/9",
  ];
}

export function filterFile(filter: Uint8Array | undefined, say: Say): string[] {
  if (filter === undefined) return [];
  return [
    `# ${say("{0} instructions of the seccomp filter, 8 bytes each: struct sock_filter, linux/filter.h", filter.length / 8)}`,
    ...hereDocument("filter", "END_OF_FILTER", filter.toHex().match(/.{1,128}/g) ?? []),
  ];
}

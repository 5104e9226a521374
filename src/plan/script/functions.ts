/** The script's own words: each is a few standard commands that would otherwise stand there many times. */
import type { Say } from "../say/mod.ts";

export function functionsText(say: Say): string {
  return `# ${say("Where path {0} is below root {1} as the container will see it: links of the image lead nowhere else.", "$2", "$1")}
inside() {
  inside_rest=$2 inside_at='' inside_hops=0
  while [ -n "$inside_rest" ]; do
    case $inside_rest in
      */*) inside_part=$${"{"}inside_rest%%/*} inside_rest=$${"{"}inside_rest#*/} ;;
      *) inside_part=$inside_rest inside_rest='' ;;
    esac
    case $inside_part in
      '' | .) continue ;;
      ..) inside_at=$${"{"}inside_at%/*}; continue ;;
    esac
    if [ -L "$1$inside_at/$inside_part" ]; then
      inside_hops=$((inside_hops + 1))
      [ $inside_hops -le 40 ] || { echo "${say("too many links on the way to {0}", "$2")}" >&2; exit 1; }
      inside_link=$(readlink "$1$inside_at/$inside_part")
      case $inside_link in /*) inside_at='' ;; esac
      inside_rest=$inside_link/$inside_rest
    else
      inside_at=$inside_at/$inside_part
    fi
  done
  printf %s "$1$inside_at"
}
# ${say("A bind ({0} --bind or --rbind) of {1} at {2}, which is made.", "$1", "$2", "$3")}
clone() {
  if [ -d "$2" ]; then mkdir -p "$3"; else make_file "$3"; fi
  mount "$1" "$2" "$3"
}
make_file() { [ -e "$1" ] || { mkdir -p "$(dirname "$1")"; : > "$1"; }; }
# ${say("Hides {0}, if it is there: a directory under an empty one ({1}), anything else under the null device ({2}).", "$1", "$2", "$3")}
mask() {
  if [ -d "$1" ]; then mount --bind "$2" "$1"; mount -o remount,bind,ro "$1"
  elif [ -e "$1" ]; then mount --bind "$3" "$1"; fi
}
readonly_path() {
  if [ -e "$1" ]; then mount --rbind "$1" "$1"; mount -o remount,bind,ro "$1"; fi
}
# ${say("Options {0} for the mount {1} and all below it.", "$1", "$2")}
everywhere() {
  findmnt -rnR -o TARGET "$2" | while IFS= read -r everywhere_at; do
    mount -o "remount,bind,$1" "$(printf %b "$everywhere_at")"
  done
}
`;
}

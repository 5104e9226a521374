#!/bin/sh
# The command `tiffin` of the npm package: finds the program in the optional package of this machine and becomes it.
set -eu
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) name=tiffin-linux-x64 ;;
  Linux-aarch64) name=tiffin-linux-arm64 ;;
  *)
    echo "tiffin: there is no program for $(uname -s) on $(uname -m), only for Linux on x86_64 and aarch64; the client for programs works" >&2
    exit 1
    ;;
esac
# Beside this package, or in the node_modules of a directory above.
directory=$(dirname "$(dirname "$(readlink -f "$0")")")
while :; do
  program=$directory/node_modules/$name/tiffin
  [ -x "$program" ] && exec "$program" "$@"
  [ "$directory" = / ] && break
  directory=$(dirname "$directory")
done
echo "tiffin: the package $name is not installed; install it, or install without --omit=optional" >&2
exit 1

#!/usr/bin/env bash
# Builds dist/tiffin (one executable: TypeScript compiled by Bun, with the executor inside) and
# dist/tiffin-runtime, the same program under its other name. Installs what is missing first.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/prepare.sh
make -s -C executor
version=$(node -p 'require("./package.json").version')
mkdir -p dist
# --splitting: a command reads only its own chunks, which halves the start of the command line.
# No autoload: a file in the directory where a command is called must not change what it does.
# JIT policy: a command ends before compiled code pays; the engine sets it back.
rm -f dist/program.new
bun build --compile --bytecode --minify --splitting --format=esm --target=bun \
  --no-compile-autoload-dotenv --no-compile-autoload-bunfig --compile-jit-policy=100 \
  --define "TIFFIN_VERSION=\"$version\"" \
  --outfile dist/program.new src/main/tiffin.ts >.build.log 2>&1 || { cat .build.log >&2; exit 1; }
rm -f .build.log

# One file that can be copied anywhere: a small program that asks the engine or a resident helper, and behind it, where it
# expects it, the program that does without. Under its other name it is the OCI runtime.
front_bytes=$(bun -e 'console.log((await import("./src/abi/front.ts")).front.programOffset)')
[[ $(stat -c %s executor/build/tiffin-front) -le $front_bytes ]] || { echo "the front is too large" >&2; exit 1; }
cp executor/build/tiffin-front dist/tiffin.new
truncate -s $front_bytes dist/tiffin.new
cat dist/program.new >>dist/tiffin.new
rm dist/program.new
chmod +x dist/tiffin.new
# A running engine keeps the old file; the new one takes its name in one step.
mv dist/tiffin.new dist/tiffin
ln -sf tiffin dist/tiffin-runtime.new
mv -T dist/tiffin-runtime.new dist/tiffin-runtime

#!/usr/bin/env bash
# Builds dist/arm64/tiffin on a machine of another kind: the executor by a cross compiler (Debian's gcc-aarch64-linux-gnu), the
# program by Bun, which brings its runtime for arm64 from the npm registry. In a tree of its own, because the program holds the
# executor that lies beside its sources.
set -euo pipefail
cd "$(dirname "$0")/.."
compiler=aarch64-linux-gnu-gcc
command -v $compiler >/dev/null || { echo "wanted: $compiler (apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross)" >&2; exit 1; }
root=$PWD
tree=$root/.build/arm64
rm -rf "$tree"
mkdir -p "$tree" dist/arm64
cp -r src executor package.json tsconfig.json "$tree/"
ln -s "$root/node_modules" "$tree/node_modules"
rm -rf "$tree/executor/build"
make -s -C "$tree/executor" CC=$compiler
version=$(node -p 'require("./package.json").version')
cd "$tree"
bun build --compile --minify --splitting --format=esm --target=bun-linux-arm64 \
  --no-compile-autoload-dotenv --no-compile-autoload-bunfig --compile-jit-policy=100 \
  --define "TIFFIN_VERSION=\"$version\"" \
  --outfile program src/main/tiffin.ts >build.log 2>&1 || { cat build.log >&2; exit 1; }
# As in tools/build.sh: the front, and the program where it expects it.
front_bytes=$(bun -e 'console.log((await import("./src/abi/front.ts")).front.programOffset)')
[[ $(stat -c %s executor/build/tiffin-front) -le $front_bytes ]] || { echo "the front is too large" >&2; exit 1; }
cp executor/build/tiffin-front tiffin
truncate -s "$front_bytes" tiffin
cat program >>tiffin
chmod +x tiffin
mv tiffin "$root/dist/arm64/tiffin"
cd "$root"
rm -rf "$tree"

#!/usr/bin/env bash
# npm test: checks, builds, and runs every test that this machine can run. Arguments go to `bun test`.
# Prints last `N passed, N failed[, N skipped]`, counted from the runner's own report.
set -uo pipefail
cd "$(dirname "$0")/.."
. tools/prepare.sh
failed=0
step() {
  local name=$1
  shift
  echo "== $name"
  "$@" || { echo "== $name: failed"; failed=1; }
}
if [[ $# == 0 ]]; then
  step "types" tsc --noEmit
  step "lint and format" biome check
  step "generated files are current" bun tools/generate.ts --check
fi
step "build" bash tools/build.sh
mkdir -p .build
rm -f .build/junit.xml
[[ $failed == 0 ]] || [[ $# != 0 ]] || { echo "0 passed, 1 failed"; exit 1; }
bun test --timeout 120000 --reporter=junit --reporter-outfile=.build/junit.xml "$@"
status=$?
bun tools/count.ts .build/junit.xml "$status"

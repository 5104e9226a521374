#!/usr/bin/env bash
# npm test: checks, builds, and runs every test that this machine can run. Arguments go to `bun test`.
# Prints last `N passed, N failed[, N skipped]`, counted from the runner's own report.
set -uo pipefail
cd "$(dirname "$0")/.."
. tools/prepare.sh

# What tests look at the host with, and the peers that prove the black-box cases of the OCI runtime.
tools=()
for pair in nft:nftables iptables:iptables ip:iproute2 nsenter:util-linux newuidmap:uidmap crun:crun runc:runc python3:python3-minimal criu:criu; do
  command -v "${pair%%:*}" >/dev/null || [[ -x /usr/sbin/${pair%%:*} ]] || tools+=("${pair##*:}")
done
if ((${#tools[@]})) && [[ $(id -u) == 0 ]]; then
  echo "== installing for the tests: ${tools[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -yq --no-install-recommends "${tools[@]}" >/dev/null 2>&1 ||
    { apt-get update -q >/dev/null && apt-get install -yq --no-install-recommends "${tools[@]}" >/dev/null; }
fi
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

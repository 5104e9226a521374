#!/usr/bin/env bash
# npm test: checks, builds, and runs every test that this machine can run. Arguments go to `bun test`.
# Prints last `N passed, N failed[, N skipped]`, counted from the runners' own reports. With MUST_RUN=1 a skip is a failure
# unless tools/permitted-skips.ts says why not.
set -uo pipefail
cd "$(dirname "$0")/.."
. tools/prepare.sh

# What tests look at the host with, and the peers that prove the black-box cases of the OCI runtime.
tools=()
for pair in nft:nftables iptables:iptables ip:iproute2 nsenter:util-linux newuidmap:uidmap zsh:zsh fish:fish crun:crun runc:runc python3:python3-minimal pip3:python3-pip criu:criu docker:docker.io docker-compose:docker-compose fsck.erofs:erofs-utils fincore:util-linux-extra skopeo:skopeo podman:podman buildah:buildah umoci:umoci /usr/sbin/sshd:openssh-server ssh:openssh-client debootstrap:debootstrap docker-registry:docker-registry tinyproxy:tinyproxy redis-server:redis-server nginx:nginx-light groff:groff-base; do
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
# What is delivered is what is tested, and it starts in half the time of its source.
export TIFFIN_BIN=$PWD/dist/tiffin
mkdir -p .build
# Whatever a test leaves to the first process of the machine is reaped at once, and not when that one likes.
step "reaper" gcc -std=c17 -Wall -Wextra -Werror -O1 -o .build/reaper tools/reaper.c
rm -f .build/junit*.xml .build/apart-statuses.txt
[[ $failed == 0 ]] || [[ $# != 0 ]] || { echo "0 passed, 1 failed"; exit 1; }

# A lane is one runner, its files one after the other.
lane() {
  local name=$1
  shift
  .build/reaper bun test --timeout 120000 --reporter=junit --reporter-outfile="$PWD/.build/junit-$name.xml" "$@"
}
if [[ $# != 0 ]]; then
  lane chosen "$@"
  bun tools/count.ts ".build/junit-chosen.xml=$?"
  exit
fi
# Which file is in which lane, and why: tools/lanes.ts. The machines get what the others leave of the processors, and begin with
# the tests that have the host for themselves, which wait for much.
in_lane() { bun tools/lanes.ts "$1"; }
# Made beside the first tests, for those that wait for it at their end.
(renice -n 10 -p $BASHPID; tools/debian-root.sh; command -v go && tools/go-programs.sh; for each in act dive prometheus traefik; do command -v go && tools/go-client.sh $each; done) >/dev/null 2>&1 &
echo "== tests (those of the emulated machines at the same time, their output afterwards)"
(renice -n 19 -p $BASHPID >/dev/null 2>&1; lane machines $(in_lane machines)) >.build/lane-machines.txt 2>&1 &
beside=$!
lane host $(in_lane host)
host_status=$?
echo "== tests that need nothing but an engine of their own, several at once"
.build/reaper bun tools/run-apart.ts .build/apart-statuses.txt || echo "the runner of tools/run-apart.ts ended with status $?" >&2
mapfile -t apart <.build/apart-statuses.txt
wait $beside
machines_status=$?
cat .build/lane-machines.txt
bun tools/count.ts --whole ".build/junit-host.xml=$host_status" ".build/junit-machines.xml=$machines_status" "${apart[@]}"

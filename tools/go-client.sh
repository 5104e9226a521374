#!/usr/bin/env bash
# Builds one client into .build/go/bin: act as it is published, or the program of the Go module test/compat/programs/NAME. Each has
# the dependencies of its own that it was published with. Whoever comes while it is built waits for it.
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1
act=github.com/nektos/act@v0.2.89
bin=$PWD/.build/go/bin
mkdir -p "$bin"
exec 9>".build/go/$name.lock"
flock 9

state=$({ cat "$0"; [[ $name == act ]] || cat "test/compat/programs/$name"/*.{go,mod,sum}; } | sha256sum)
[[ -e $bin/$name.state && $(<"$bin/$name.state") == "$state" ]] && exit
export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS="-mod=readonly -trimpath" GOBIN=$bin
if [[ $name == act ]]; then
  version=${act#*@v}
  go install -ldflags="-s -w -X main.version=$version" "$act"
else
  (cd "test/compat/programs/$name" && go build -ldflags="-s -w" -o "$bin/" .)
fi
echo "$state" >"$bin/$name.state"

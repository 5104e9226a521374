#!/usr/bin/env bash
# Builds one client into .build/go/bin: a program as it is published, or that of the Go module test/compat/programs/NAME. Each has
# the dependencies of its own that it was published with. Whoever comes while it is built waits for it.
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1
declare -A published=(
  [act]=github.com/nektos/act@v0.2.89
  [dive]=github.com/wagoodman/dive@v0.13.1
)
module=${published[$name]-}
bin=$PWD/.build/go/bin
mkdir -p "$bin"
exec 9>".build/go/$name.lock"
flock 9

state=$({ cat "$0"; [[ $module ]] || cat "test/compat/programs/$name"/*.{go,mod,sum}; } | sha256sum)
[[ -e $bin/$name.state && $(<"$bin/$name.state") == "$state" ]] && exit
export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS="-mod=readonly -trimpath" GOBIN=$bin
if [[ $module ]]; then
  go install -ldflags="-s -w -X main.version=${module#*@v}" "$module"
else
  (cd "test/compat/programs/$name" && go build -ldflags="-s -w" -o "$bin/" .)
fi
echo "$state" >"$bin/$name.state"

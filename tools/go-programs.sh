#!/usr/bin/env bash
# Builds the clients that are Go modules, and the test programs of test/compat/programs/go that use such modules, into
# .build/go/bin, once for each state of that module. Whoever comes while they are built waits for them.
set -euo pipefail
cd "$(dirname "$0")/.."
source=test/compat/programs/go
bin=$PWD/.build/go/bin
mkdir -p "$bin"
exec 9>.build/go/lock
flock 9

state=$(cat "$source"/go.* "$source"/*/*.go "$0" | sha256sum)
[[ -e $bin/state && $(<"$bin/state") == "$state" ]] && exit
export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS="-mod=readonly -trimpath"
cd "$source"
version() { go list -m -f '{{.Version}}' "$1"; }
cli=$(version github.com/docker/cli)
compose=$(version github.com/docker/compose/v5)
go build -ldflags="-s -w" -o "$bin/" ./api ./containers ./reaper
# Docker's client has no go.mod that would name its version of the language.
go build -gcflags=github.com/docker/cli/cmd/docker=-lang=go1.26 -o "$bin/docker" \
  -ldflags="-s -w -X github.com/docker/cli/cli/version.Version=$(sed 's/^v//; s/+.*//' <<<"$cli")" github.com/docker/cli/cmd/docker
go build -ldflags="-s -w -X github.com/docker/compose/v5/internal.Version=$compose" -o "$bin/docker-compose" github.com/docker/compose/v5/cmd
echo "$state" >"$bin/state"

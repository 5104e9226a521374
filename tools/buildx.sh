#!/usr/bin/env bash
# Builds docker's plug-in buildx from its Go module into .build/go/plugins, where a client finds it as `docker buildx`. Whoever comes
# while it is built waits for it. It takes minutes of a processor, so it is made beside the tests, and once.
set -euo pipefail
cd "$(dirname "$0")/.."
version=v0.38.2
plugins=$PWD/.build/go/plugins
mkdir -p "$plugins"
exec 9>.build/go/buildx.lock
flock 9

[[ -e $plugins/version && $(<"$plugins/version") == "$version" ]] && exit
CGO_ENABLED=0 GOTOOLCHAIN=local GOBIN=$plugins go install -trimpath \
  -ldflags="-s -w -X github.com/docker/buildx/version.Version=$version" "github.com/docker/buildx/cmd/buildx@$version"
mv "$plugins/buildx" "$plugins/docker-buildx"
echo "$version" >"$plugins/version"

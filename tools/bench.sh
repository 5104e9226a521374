#!/usr/bin/env bash
# npm run bench: builds, then times Tiffin beside the peers that this machine has. Arguments: names of sections.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/prepare.sh
bash tools/build.sh
exec bun bench/bench.ts "$@"

#!/usr/bin/env bash
# Compares the contracts with the last release, or with the commit before this one while there is no release.
set -euo pipefail
cd "$(dirname "$0")/.."
base=$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || git rev-parse --verify -q HEAD^ || true)
if [ -z "$base" ] || ! git cat-file -e "$base:buf.yaml" 2>/dev/null; then
  echo "buf breaking: no earlier contracts to compare with"
  exit 0
fi
"${BUF:-buf}" breaking --against ".git#ref=$base"
echo "buf breaking: compatible with $(git rev-parse --short "$base")"

#!/usr/bin/env bash
# Generates the code again and fails when that changes anything.
set -euo pipefail
cd "$(dirname "$0")/.."
before=$(git status --porcelain -- client_sdk proto; git diff -- client_sdk proto | cksum)
make --no-print-directory generate
after=$(git status --porcelain -- client_sdk proto; git diff -- client_sdk proto | cksum)
if [ "$before" != "$after" ]; then
  echo "The generated code does not match the contracts. Run 'make generate' and commit what it changes:" >&2
  git status --short -- client_sdk proto >&2
  exit 1
fi
echo "generated code: no diff"

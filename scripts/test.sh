#!/usr/bin/env bash
# All tests: Rust (unit, property, real pipelines and sockets), web units, and the browser against one demo.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo test --locked --workspace
(cd player-web && npm test)
scripts/browser.sh

#!/usr/bin/env bash
# Virage beside its peers, in one run: docs/performance.md. Arguments go to `compare`: --short, or names of measures.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}

if [ "${1:-}" = --short ]; then
  # What the tests have built is measured as it is.
  profile=debug
  cargo build --locked -p server -p benches
else
  profile=release
  cargo build --release --locked -p server -p benches -p test-media
  cargo build --release --locked -p capture --example measure
  # A library without a program of its own: the nearest peer, outside of the workspace.
  cargo build --release --locked --manifest-path benches/peers/multimux/Cargo.toml --target-dir "$target"
  export PEER_MULTIMUX=$target/release/peer-multimux
fi
export VIRAGE=$target/$profile/virage
ulimit -n "$(ulimit -Hn)"
"$target/$profile/compare" "$@"

if [ $# = 0 ]; then
  echo "a ladder from painted pictures, by x264's preset:"
  "$target/release/examples/measure" 10
  echo "repeat: cargo run --release -p capture --example measure -- 10"
fi

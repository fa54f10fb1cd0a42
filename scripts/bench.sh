#!/usr/bin/env bash
# The figures of the README: medians and spread, each with the command to repeat it.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --locked -p server -p benches
cargo build --release --locked -p capture --example measure
export VIRAGE=$PWD/target/release/virage
echo "machine: $(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)"
target/release/publish
target/release/passthrough
echo "a ladder from painted pictures, by x264's preset:"
target/release/examples/measure 10
echo "repeat: cargo run --release -p capture --example measure -- 10"
VIRAGE_GLASS_SECONDS=60 scripts/browser.sh -t "glass to glass"
echo "repeat: VIRAGE=target/release/virage VIRAGE_GLASS_SECONDS=60 scripts/browser.sh -t 'glass to glass'"

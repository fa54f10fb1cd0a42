#!/usr/bin/env bash
# Format, lints with warnings denied, docs, licences and sources, and the same for the web app.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fmt --all --check
cargo clippy --locked --workspace --all-targets -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items

deny=0.20.2
if ! command -v cargo-deny >/dev/null && [ ! -x target/tools/bin/cargo-deny ]; then
  echo "Installing cargo-deny $deny from crates.io into target/tools"
  # Its own target folder and no optimisation: it runs for a second.
  CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    cargo install --quiet --locked --root target/tools --version "$deny" --no-default-features cargo-deny
fi
PATH="$PWD/target/tools/bin:$PATH"
cargo deny --log-level error check bans licenses sources
# The advisory database is fetched from a Git host, which not every network reaches.
if timeout 60 cargo deny --log-level error fetch db >/dev/null 2>&1; then
  cargo deny --log-level error check advisories
else
  echo "advisories: the database cannot be reached from here; not checked"
fi

cd player-web
npm run --silent check
npm run --silent size

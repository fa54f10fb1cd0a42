#!/usr/bin/env bash
# Installs from apt what is missing, and says so. Usage: scripts/install.sh run|test|bench
set -euo pipefail

build="pkg-config libssl-dev clang libclang-dev mold libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev
  libavcodec-dev libavutil-dev libavformat-dev libavfilter-dev libavdevice-dev libswscale-dev libswresample-dev"
run="gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
  gstreamer1.0-libav"
test="gstreamer1.0-tools gstreamer1.0-rtsp gir1.2-gst-rtsp-server-1.0 python3-gi python3-prometheus-client faketime chrony ffmpeg srt-tools chromium
  firefox-esr fonts-dejavu-core curl nginx-light libnginx-mod-rtmp"
bench="wrk nghttp2-client valgrind"

case "${1:-run}" in
  run) wanted="$build $run" ;;
  test) wanted="$build $run $test" ;;
  bench) wanted="$build $run $test $bench" ;;
  *) echo "usage: $0 run|test|bench" >&2; exit 2 ;;
esac

# What apt does not have in a version that is new enough, said here rather than by what fails of it later.
# Usage: needs COMMAND VERSION WHERE-FROM
needs() {
  local found
  found=$("$1" --version 2>/dev/null | grep -oE '[0-9]+(\.[0-9]+)+' | head -1) || true
  [ -n "$found" ] && [ "$(printf '%s\n%s\n' "$2" "$found" | sort -V | head -1)" = "$2" ] && return
  echo "Virage needs $1 $2 or later; ${found:-none} is installed. $3" >&2
  exit 1
}
here=$(dirname "$0")/..
needs node "$(sed -nE 's/.*"node": ">=([0-9.]+)".*/\1/p' "$here/player-web/package.json")" \
  "https://nodejs.org/en/download has newer ones."
rust=$(sed -nE 's/^rust-version = "([0-9.]+)"/\1/p' "$here/Cargo.toml")
for tool in cargo rustc; do
  needs "$tool" "$rust" "Install Rust from https://rustup.rs, or run: rustup update stable"
done

missing=()
for package in $wanted; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "Installing from apt: ${missing[*]}"
as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "Not root, and no sudo: install these packages and run this again." >&2; exit 1; }
  as_root=(sudo)
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null

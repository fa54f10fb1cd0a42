#!/usr/bin/env bash
# Installs from apt what is missing, and says so. Usage: scripts/install.sh run|test|bench
set -euo pipefail

build="pkg-config clang libclang-dev mold libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev
  libavcodec-dev libavutil-dev libavformat-dev libavfilter-dev libavdevice-dev libswscale-dev libswresample-dev"
run="gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
  gstreamer1.0-libav"
test="gstreamer1.0-tools gstreamer1.0-rtsp gir1.2-gst-rtsp-server-1.0 python3-gi python3-prometheus-client ffmpeg srt-tools chromium
  firefox-esr fonts-dejavu-core curl"
bench="nginx-light wrk nghttp2-client valgrind"

case "${1:-run}" in
  run) wanted="$build $run" ;;
  test) wanted="$build $run $test" ;;
  bench) wanted="$build $run $test $bench" ;;
  *) echo "usage: $0 run|test|bench" >&2; exit 2 ;;
esac

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

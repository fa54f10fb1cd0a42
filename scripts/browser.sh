#!/usr/bin/env bash
# The browser suites, all against one demo.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
# A suite kills the demo and starts it again: the file says which process it is now.
trap 'kill "$(cat "$work/pid")" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
bin=$(realpath "${VIRAGE:-target/debug/virage}")
"$bin" demo --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0 --data "$work/data" >"$work/out" 2>"$work/log" &
demo=$!
echo $demo >"$work/pid"

# Ready when the pages' addresses are printed and a camera is live.
for _ in $(seq 300); do
  plain=$(sed -n 's/^ *plain *\(http:.*\)\/$/\1/p' "$work/out")
  [ -n "$plain" ] && curl -sf "$plain/readyz" >/dev/null && break
  kill -0 "$demo" 2>/dev/null || { echo "the demo ended:"; cat "$work/log"; exit 1; }
  sleep 0.2
done
url=$(sed -n 's/^ *fans *\(https:.*\)\/$/\1/p' "$work/out")
[ -n "$url" ] || { echo "the demo printed no address:"; cat "$work/out" "$work/log"; exit 1; }

cd player-web
status=0
VIRAGE_URL=$url VIRAGE_TOKEN=$(cat "$work/data/crew.token") VIRAGE_PIDFILE=$work/pid VIRAGE_BIN=$bin \
  VIRAGE_DATA=$work/data VIRAGE_TLS=${url#https://} VIRAGE_PLAIN=${plain#http://} npm run --silent e2e -- "$@" || status=$?
[ $status = 0 ] || { echo "--- the demo's log"; tail -n 40 "$work/log"; }
exit $status

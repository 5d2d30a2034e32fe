#!/bin/sh
# Starts a small HTTP service, freezes it for a moment, and asks the gate what came of it.
set -eu
cd "$(dirname "$0")"
export PORT="${PORT:-8080}"

mkdir -p www
echo ok > www/index.html
python3 -m http.server --bind 127.0.0.1 --directory www "$PORT" > service.log 2>&1 &
service=$!
echo "$service" > service.pid
# A frozen process takes no SIGTERM before it goes on.
trap 'kill -s CONT "$service" 2>/dev/null || :; kill "$service" 2>/dev/null || :; rm -f service.pid' EXIT

answers() {
  python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=1)' \
    "http://127.0.0.1:$PORT/" 2>/dev/null
}
tries=0
until answers; do
  kill -0 "$service" 2>/dev/null || { echo "the service did not start:" >&2; cat service.log >&2; exit 1; }
  tries=$((tries + 1))
  [ "$tries" -lt 100 ] || { echo "the service does not answer" >&2; exit 1; }
  sleep 0.1
done

"${FAULTGATE:-faultgate}" run "$@"

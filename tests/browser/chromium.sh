#!/bin/sh
# Prints where Chromium is. Installs Debian's where that may be done; fails where there is none to be had.
set -eu
find_it() { command -v chromium || command -v chromium-browser || command -v google-chrome; }
find_it && exit
if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends chromium; } >&2 &&
		find_it && exit
fi
echo "no Chromium: the browser tests need it (apt-get install chromium)" >&2
exit 1

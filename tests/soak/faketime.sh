#!/bin/sh
# Prints libfaketime, by which tests make the clock jump. Unpacks Debian's into a folder of its own where there is none.
set -eu
find_it() { find "$1" /usr/lib -path '*/faketime/libfaketimeMT.so.1' 2> /dev/null | head -n 1 | grep .; }
find_it "$1" && exit
fetch() {
	# Without a list of packages there is nothing to download.
	apt-get download libfaketime ||
		{ [ "$(id -u)" = 0 ] && apt-get update -qq && apt-get download libfaketime; }
}
if command -v apt-get > /dev/null && command -v dpkg-deb > /dev/null; then
	mkdir -p "$1"
	(cd "$1" && fetch && dpkg-deb -x libfaketime_*.deb . && rm libfaketime_*.deb) >&2 || true
	find_it "$1" && exit
fi
echo "libfaketime is needed to make clocks jump: apt-get install libfaketime" >&2
exit 1

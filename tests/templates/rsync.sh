#!/bin/sh
# Prints the folder of rsync, which gitlab-ci-local needs. Unpacks Debian's, with the one library that it needs beside
# the C library, into a folder of its own where there is none.
set -eu
own=$1/bin
find_it() {
	if command -v rsync > /dev/null; then dirname "$(command -v rsync)"; else [ -x "$own/rsync" ] && echo "$own"; fi
}
find_it && exit
fetch() {
	# Without a list of packages there is nothing to download.
	apt-get download rsync libpopt0 ||
		{ [ "$(id -u)" = 0 ] && apt-get update -qq && apt-get download rsync libpopt0; }
}
unpack() {
	for package in *.deb; do dpkg-deb -x "$package" .; done
	rm ./*.deb
	libraries=$(dirname "$(find "$PWD/usr/lib" -name 'libpopt.so.0')")
	mkdir -p bin
	printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s/usr/bin/rsync "$@"\n' "$libraries" "$PWD" > bin/rsync
	chmod +x bin/rsync
}
if command -v apt-get > /dev/null && command -v dpkg-deb > /dev/null; then
	mkdir -p "$1"
	(cd "$1" && fetch && unpack) >&2 || true
	find_it && exit
fi
echo "rsync is needed: apt-get install rsync" >&2
exit 1

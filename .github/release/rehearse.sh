#!/usr/bin/env bash
# All that a release does for one target, and its user after that, without publishing anything:
# rehearse.sh BINARY TARGET FOLDER [container]
# Packs the archive into the folder, checks it by its checksum, unpacks it, and runs the rehearsal of what was in it: in a
# container that has nothing else and no network, or in an empty folder with a clean environment.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
place=${4:-folder}
archive=$("$here/archive.sh" "$1" "$2" "$3")
"$here/checksums.sh" "$3"

user=$(mktemp -d)
image=
tidy() {
	rm -rf "$user"
	[ -z "$image" ] || docker image rm --force "$image" > /dev/null
}
trap tidy EXIT

cp "$archive" "$3/SHA256SUMS" "$user"
cd "$user"
sum=(sha256sum)
command -v sha256sum > /dev/null || sum=(shasum -a 256)
"${sum[@]}" --check --ignore-missing SHA256SUMS
tar -xzf "$(basename "$archive")"
cd "$(basename "$archive" .tar.gz)"
case $place in
	container)
		image=faultgate-archive:$$
		tar -c . | docker import - "$image" > /dev/null
		docker run --rm --network none "$image" /faultgate rehearse
		;;
	folder) env -i ./faultgate rehearse ;;
	*)
		echo "neither container nor folder: $place" >&2
		exit 1
		;;
esac

#!/usr/bin/env bash
# Packs the archive of one target, and prints its path: archive.sh BINARY TARGET FOLDER
# The same binary gives the same bytes. The binary must run here, since it writes its completions and man pages itself.
set -euo pipefail

binary=$(realpath "$1") target=$2
mkdir -p "$3"
folder=$(realpath "$3")
cd "$(dirname "$0")/../.."

version=$("$binary" --version)
name="faultgate-${version#faultgate }-$target"
parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT
mkdir "$parts/$name"
cd "$parts/$name"
cp "$OLDPWD"/{README.md,CHANGELOG.md,LICENSE} .
install -m 755 "$binary" faultgate
mkdir completions
"$binary" completions bash > completions/faultgate.bash
"$binary" completions zsh > completions/_faultgate
"$binary" completions fish > completions/faultgate.fish
"$binary" man man > /dev/null
chmod -R u=rwX,go=rX .

# GNU's tar, which has another name on macOS.
tar=$(command -v gtar || command -v tar)
"$tar" --create --directory "$parts" --format ustar --sort name --owner 0 --group 0 --numeric-owner --mtime @0 "$name" |
	gzip -9n > "$folder/$name.tar.gz"
echo "$folder/$name.tar.gz"

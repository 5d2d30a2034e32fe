#!/usr/bin/env bash
# Writes SHA256SUMS beside the archives in a folder: checksums.sh FOLDER
set -euo pipefail

cd "$1"
# macOS has a tool of another name.
sum=(sha256sum)
command -v sha256sum > /dev/null || sum=(shasum -a 256)
"${sum[@]}" faultgate-*.tar.gz > SHA256SUMS

#!/usr/bin/env bash
# Prints action.yml with its image by digest: pin.sh IMAGE@sha256:…
set -euo pipefail

image=$1
if ! [[ $image =~ ^[a-z0-9./-]+@sha256:[0-9a-f]{64}$ ]]; then
	echo "not an image by digest: $image" >&2
	exit 1
fi
pinned=$(sed "s|^  image: Dockerfile\$|  image: docker://$image|" action.yml)
if [ "$(grep -cF "  image: docker://$image" <<< "$pinned")" -ne 1 ]; then
	echo "action.yml has no image to pin" >&2
	exit 1
fi
printf '%s\n' "$pinned"

#!/usr/bin/env bash
# Makes one image of those of the architectures, by a tag, and prints its digest: index.sh TAG IMAGE@sha256:…
# A tag that is there is never pushed anew. Another attempt finds the same images in it, or fails.
set -euo pipefail

tag=$1
shift

manifests() {
	docker buildx imagetools inspect --raw "$1" | jq -er '.manifests[].digest' | sort
}

if told=$(docker buildx imagetools inspect --raw "$IMAGE:$tag" 2>&1); then
	wanted=$(for one in "$@"; do manifests "$one"; done | sort)
	if [ "$(manifests "$IMAGE:$tag")" != "$wanted" ]; then
		echo "$IMAGE:$tag is there already, of other images: run the failed jobs alone again, or release another version" >&2
		exit 1
	fi
elif [[ $told == *"not found"* ]]; then
	docker buildx imagetools create --tag "$IMAGE:$tag" "$@" >&2
else
	printf 'nobody knows whether %s is there: %s\n' "$IMAGE:$tag" "$told" >&2
	exit 1
fi
docker buildx imagetools inspect "$IMAGE:$tag" --format '{{json .Manifest}}' | jq -er .digest

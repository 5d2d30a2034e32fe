#!/usr/bin/env bash
# The version that Cargo.toml names, as step outputs. Fails where it is released already, or not in the changelog.
set -euo pipefail

version=$(cargo metadata --locked --no-deps --format-version 1 | jq -er '.packages[0].version')
if ! grep -q "^## \[$version\]" CHANGELOG.md; then
	echo "CHANGELOG.md has no section [$version]" >&2
	exit 1
fi
# An empty list where there is none: any other failure to ask ends the script.
tags=$(gh api "repos/$GITHUB_REPOSITORY/git/matching-refs/tags/v$version" --jq '.[].ref')
if grep -qx "refs/tags/v$version" <<< "$tags"; then
	echo "v$version is released already" >&2
	exit 1
fi
printf 'version=%s\ncreated=%s\n' "$version" "$(date --utc +%FT%TZ)"

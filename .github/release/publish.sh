#!/usr/bin/env bash
# Commits action.yml with the image by digest to a branch of its own, tags that commit, makes the release, and moves the
# shorter tags. The release has the files in the folder archives. GitHub signs a commit that is made by its API, and no
# credentials of git are needed. Another attempt goes on with what is there and fits, and fails where something else is.
set -euo pipefail

cd "$(dirname "$0")/../.."
pinned=$(.github/release/pin.sh "$IMAGE@$DIGEST" | base64 --wrap=0)
branch="releases/v$VERSION"

# The commit that a ref names, and nothing where there is none: any other failure to ask ends the script.
named_by() {
	gh api --paginate "repos/$GITHUB_REPOSITORY/git/matching-refs/$1" --jq '.[] | .ref + " " + .object.sha' |
		awk -v ref="refs/$1" '$1 == ref { print $2 }'
}

head=$(named_by "heads/$branch")
if [ -z "$head" ]; then
	gh api "repos/$GITHUB_REPOSITORY/git/refs" -f ref="refs/heads/$branch" -f sha="$GITHUB_SHA" --silent
	head=$GITHUB_SHA
fi
if [ "$head" = "$GITHUB_SHA" ]; then
	# shellcheck disable=SC2016 # the query's own variables
	commit=$(gh api graphql --jq .data.createCommitOnBranch.commit.oid \
		-f repository="$GITHUB_REPOSITORY" -f branch="$branch" -f head="$GITHUB_SHA" -f pinned="$pinned" \
		-f headline="Release v$VERSION: the image by digest" \
		-f query='
		mutation ($repository: String!, $branch: String!, $head: GitObjectID!, $pinned: Base64String!, $headline: String!) {
			createCommitOnBranch(input: {
				branch: { repositoryNameWithOwner: $repository, branchName: $branch }
				expectedHeadOid: $head
				message: { headline: $headline }
				fileChanges: { additions: [{ path: "action.yml", contents: $pinned }] }
			}) { commit { oid } }
		}')
else
	commit=$head
	changes=$(gh api "repos/$GITHUB_REPOSITORY/commits/$commit" --jq '[.parents[].sha, .files[].filename] | join(" ")')
	there=$(gh api "repos/$GITHUB_REPOSITORY/contents/action.yml?ref=$commit" --jq .content | tr -d '\n')
	if [ "$changes" != "$GITHUB_SHA action.yml" ] || [ "$there" != "$pinned" ]; then
		echo "$branch already exists, and is not of this commit and this image: release another version" >&2
		exit 1
	fi
fi

tagged=$(named_by "tags/v$VERSION")
if [ -z "$tagged" ]; then
	gh api "repos/$GITHUB_REPOSITORY/git/refs" -f ref="refs/tags/v$VERSION" -f sha="$commit" --silent
elif [ "$tagged" != "$commit" ]; then
	echo "v$VERSION already exists, on another commit: release another version" >&2
	exit 1
fi

awk -v head="## [$VERSION]" 'index($0, "## [") == 1 { on = index($0, head) == 1; next } on' CHANGELOG.md > notes.md
printf '\nImage: %s@%s\n' "$IMAGE" "$DIGEST" >> notes.md
kind=()
if [[ $VERSION == *-* ]]; then kind=(--prerelease --latest=false); fi
# It is a draft until all files are there, since one that is published may be immutable. A draft that a broken attempt has
# left does not count.
releases=$(gh api --paginate "repos/$GITHUB_REPOSITORY/releases" --jq '.[] | select(.draft | not).tag_name')
if ! grep -qxF "v$VERSION" <<< "$releases"; then
	gh release create "v$VERSION" --repo "$GITHUB_REPOSITORY" --verify-tag --title "v$VERSION" --notes-file notes.md "${kind[@]}" \
		archives/*
fi

# v0.1 and v0 of 0.1.5 move forward alone: not where a higher version of theirs is released, which another attempt of an old
# run may find, and not to a pre-release.
if ! [[ $VERSION =~ ^([0-9]+)\.([0-9]+)\.[0-9]+$ ]]; then exit 0; fi
tags=$(gh api --paginate "repos/$GITHUB_REPOSITORY/git/matching-refs/tags/v" --jq '.[].ref')
for short in "${BASH_REMATCH[1]}.${BASH_REMATCH[2]}" "${BASH_REMATCH[1]}"; do
	versions=$(grep -xE 'refs/tags/v[0-9]+\.[0-9]+\.[0-9]+' <<< "$tags" | grep -F "refs/tags/v$short.")
	if [ "$(sort --version-sort <<< "$versions" | tail -n 1)" != "refs/tags/v$VERSION" ]; then continue; fi
	if grep -qx "refs/tags/v$short" <<< "$tags"; then
		gh api --method PATCH "repos/$GITHUB_REPOSITORY/git/refs/tags/v$short" -f sha="$commit" -F force=true --silent
	else
		gh api "repos/$GITHUB_REPOSITORY/git/refs" -f ref="refs/tags/v$short" -f sha="$commit" --silent
	fi
	docker buildx imagetools create --tag "$IMAGE:$short" "$IMAGE@$DIGEST"
	docker buildx imagetools create --tag "$IMAGE:$short-nonroot" "$IMAGE@$NONROOT_DIGEST"
done

#!/usr/bin/env bash
# Commits action.yml with the image by digest to a branch of its own, tags that commit, makes the release, and moves the
# shorter tags. GitHub signs a commit that is made by its API, and no credentials of git are needed.
set -euo pipefail

cd "$(dirname "$0")/../.."
pinned=$(.github/release/pin.sh "$IMAGE@$DIGEST" | base64 --wrap=0)
branch="releases/v$VERSION"
gh api "repos/$GITHUB_REPOSITORY/git/refs" -f ref="refs/heads/$branch" -f sha="$GITHUB_SHA" --silent

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

gh api "repos/$GITHUB_REPOSITORY/git/refs" -f ref="refs/tags/v$VERSION" -f sha="$commit" --silent
awk -v head="## [$VERSION]" 'index($0, "## [") == 1 { on = index($0, head) == 1; next } on' CHANGELOG.md > notes.md
printf '\nImage: %s@%s\n' "$IMAGE" "$DIGEST" >> notes.md
gh release create "v$VERSION" --repo "$GITHUB_REPOSITORY" --verify-tag --title "v$VERSION" --notes-file notes.md

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

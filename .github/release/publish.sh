#!/usr/bin/env bash
# Commits action.yml with the image by digest to a branch of its own, tags that commit, and makes the release. GitHub
# signs a commit that is made by its API, and no credentials of git are needed.
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

#!/bin/sh
# Every template, workflow and script held against the tools and schemas of others:
# lint.sh TOOLS NODE_TOOLS PYTHON_TOOLS SECURITY_TOOLS
# Nothing is fetched.
set -eu
tools=$1 node=$2/node_modules/.bin python=$3 security=$4
here=tests/templates
cd "$(dirname "$0")/../.."
parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT

schema() {
	said=$("$tools/check-jsonschema" "$@") || { echo "$said" >&2; return 1; }
}

workflows=$(find .github/workflows ci-templates/github -name '*.yml')
for file in $workflows; do
	schema --builtin-schema vendor.github-workflows "$file"
done
# shellcheck disable=SC2086 # names without spaces, many of them
TEMPLATE_TOOLS=$2 node "$here/expressions.mjs" lint $workflows
# shellcheck disable=SC2086
"$tools/actionlint" -shellcheck "$tools/shellcheck" -pyflakes= $workflows
schema --builtin-schema vendor.github-actions action.yml
"$node/action-validator" action.yml > /dev/null
schema --builtin-schema vendor.dependabot .github/dependabot.yml
for file in .github/ISSUE_TEMPLATE/*.yml; do
	case $file in
	*/config.yml) schema --builtin-schema vendor.github-issue-config "$file" ;;
	*) schema --builtin-schema vendor.github-issue-forms "$file" ;;
	esac
done
# shellcheck disable=SC2086
"$tools/zizmor" --offline --no-progress --quiet --config "$here/zizmor.yml" action.yml .github/dependabot.yml $workflows

for file in ci-templates/gitlab/*.yml; do
	schema --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci "$file"
done
for file in ci-templates/gitlab/suites/*.yml; do
	schema --schemafile docs/suite.schema.json "$file"
done
for file in ci-templates/gitlab/templates/*/template.yml; do
	# A component is two documents, which the schema judges one at a time. What becomes an array or a boolean is none yet:
	# gitlab-ci-local judges that when it runs the component.
	sed 's/^\( *\(needs\|rules\|tags\)\): \$\[\[.*/\1: []/; s/^\( *allow_failure\): \$\[\[.*/\1: false/' "$file" |
		awk -v into="$parts/" '/^---$/ { part++; next } { print > (into (part + 0) ".yml") }'
	[ -f "$parts/1.yml" ] || { echo "$file has no second document" >&2; exit 1; }
	for part in "$parts"/*.yml; do
		schema --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci "$part"
	done
done

find ci-templates -name 'buildspec*.yml' | while read -r file; do
	schema --schemafile "$here/buildspec.schema.json" "$file"
done

stacks=$(grep -rl AWSTemplateFormatVersion ci-templates --include '*.yml')
if [ -n "$stacks" ]; then
	# shellcheck disable=SC2086
	"$python/cfn-lint" --non-zero-exit-code warning $stacks
	# shellcheck disable=SC2086
	BC_SKIP_MAPPING=TRUE "$security/checkov" --config-file "$here/checkov.yml" -f $stacks
fi

for file in ci-templates/fis/*/suite.yml; do
	schema --schemafile docs/suite.schema.json "$file"
done

"$tools/yamllint" --strict --config-file "$here/yamllint.yml" .github ci-templates
find .ci/run .github ci-templates examples tests -type f '(' -name '*.sh' -o -name run ')' -exec "$tools/shellcheck" {} +
if [ -f Dockerfile ]; then "$tools/hadolint" Dockerfile; fi
echo "the templates are clean"

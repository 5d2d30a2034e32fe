"""The scripts of the release workflow on a real repository, with a stand-in for GitHub's command line that does there what
the API does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pipelines import ROOT

SCRIPTS = ROOT / ".github" / "release"
IMAGE = "ghcr.io/faultgate/faultgate"
DIGEST = f"sha256:{'0a' * 32}"
NONROOT_DIGEST = f"sha256:{'0b' * 32}"
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
GH = r"""#!PYTHON
import base64, os, re, subprocess, sys

KINDS = ("--prerelease", "--latest=false")

def git(*words, given=None):
    done = subprocess.run(["git", *words], input=given, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"gh: {done.stderr}")
    return done.stdout.strip()

def commits(ref):
    return subprocess.run(["git", "rev-parse", "--verify", "--quiet", ref], capture_output=True, text=True).stdout.strip()

words = sys.argv[1:]
fields = dict(words[i + 1].split("=", 1) for i, word in enumerate(words) if word in ("-f", "-F"))
path = next((word for word in words[1:] if word.startswith("repos/") or word == "graphql"), "")
path = path.removeprefix("repos/faultgate/faultgate/")
if words[:2] == ["release", "create"]:
    if "--verify-tag" in words and not commits(f"refs/tags/{words[2]}"):
        sys.exit("gh: no such tag")
    if not all(os.path.isfile(word) for word in words if word.startswith("archives/")):
        sys.exit("gh: no such file")
    open("releases", "a").write(" ".join(words[2:3] + [word for word in words if word in KINDS or "archives/" in word]) + "\n")
elif path == "releases":
    print("\n".join(line.split()[0] for line in open("releases")) if os.path.exists("releases") else "")
elif path.startswith("commits/"):
    commit = path.removeprefix("commits/")
    parents = git("log", "-1", "--format=%P", commit)
    print(parents, git("diff", "--name-only", f"{commit}^", commit).replace("\n", " "))
elif path.startswith("contents/action.yml?ref="):
    shown = git("show", path.partition("=")[2] + ":action.yml") + "\n"
    print(base64.encodebytes(shown.encode()).decode())
elif path == "graphql":
    if commits(f"refs/heads/{fields['branch']}") != fields["head"]:
        sys.exit("gh: the branch is elsewhere")
    blob = git("hash-object", "-w", "--stdin", given=base64.b64decode(fields["pinned"]).decode())
    git("read-tree", fields["head"])
    git("update-index", "--add", "--cacheinfo", f"100644,{blob},action.yml")
    tree = git("write-tree")
    commit = git("commit-tree", tree, "-p", fields["head"], "-m", fields["headline"])
    git("update-ref", f"refs/heads/{fields['branch']}", commit)
    print(commit)
elif path.startswith("git/matching-refs/"):
    shown = "%(refname) %(objectname)" if ".object.sha" in words[words.index("--jq") + 1] else "%(refname)"
    found = git("for-each-ref", f"--format={shown}").splitlines()
    print("\n".join(ref for ref in found if ref.startswith("refs/" + path.removeprefix("git/matching-refs/"))))
elif path == "git/refs":
    if commits(fields["ref"]):
        sys.exit("gh: Reference already exists (HTTP 422)")
    git("update-ref", fields["ref"], fields["sha"])
elif "PATCH" in words and path.startswith("git/refs/"):
    ref = "refs/" + path.removeprefix("git/refs/")
    if not commits(ref):
        sys.exit("gh: Reference does not exist (HTTP 422)")
    if fields.get("force") != "true":
        sys.exit("gh: Update is not a fast forward (HTTP 422)")
    git("update-ref", ref, fields["sha"])
else:
    sys.exit(f"gh: {words}")
""".replace("PYTHON", sys.executable)
FILES = ("SHA256SUMS", "faultgate-0.1.0-t.tar.gz")
ALL_FILES = "".join(f" archives/{name}" for name in FILES)
NAMES = {f"GIT_{who}_{what}": "t@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, env=os.environ | NAMES, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with what the scripts read, `gh`, and a `docker` that records its calls."""
    shutil.copytree(SCRIPTS, tmp_path / ".github" / "release")
    shutil.copy(ROOT / "action.yml", tmp_path)
    changelog = "# Changelog\n\n## [Unreleased]\n\n## [0.1.0]\n\n- This.\n\n## [0.0.9]\n\n- That.\n"
    (tmp_path / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "faultgate"\nversion = "0.1.0"\n', encoding="utf-8")
    (tmp_path / "Cargo.lock").write_text('version = 4\n\n[[package]]\nname = "faultgate"\nversion = "0.1.0"\n')
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "lib.rs").touch()
    (tmp_path / ".gitignore").write_text("/archives\n", encoding="utf-8")
    (tmp_path / "archives").mkdir()
    for name in FILES:
        (tmp_path / "archives" / name).touch()
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "work")
    (tmp_path / "bin").mkdir()
    for name, text in (("gh", GH), ("docker", '#!/bin/sh\necho "$@" >> docker-calls\n')):
        (tmp_path / "bin" / name).write_text(text, encoding="utf-8")
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


def run(script: str, folder: Path, *words: str, version: str = "0.1.0") -> subprocess.CompletedProcess[str]:
    given = {"GITHUB_REPOSITORY": "faultgate/faultgate", "IMAGE": IMAGE, "VERSION": version}
    given |= {"DIGEST": DIGEST, "NONROOT_DIGEST": NONROOT_DIGEST}
    path = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "GITHUB_SHA": git(folder, "rev-parse", "main")}
    command = [folder / ".github" / "release" / script, *words]
    environment = os.environ | NAMES | given | path
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def tags(folder: Path) -> dict[str, str]:
    """Each tag, and the version that its commit is of."""
    listed = git(folder, "tag", "--format=%(refname:short) %(subject)").splitlines()
    return {name: subject.split()[1].rstrip(":") for name, _, subject in (line.partition(" ") for line in listed)}


def images(folder: Path) -> list[str]:
    """The tags of the image that were moved, each together with that of the image without root."""
    calls = folder / "docker-calls"
    lines = calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []
    create = f"buildx imagetools create --tag {IMAGE}:"
    moved = [line.removeprefix(create).removesuffix(f" {IMAGE}@{DIGEST}") for line in lines[::2]]
    both = [(f"{create}{tag} {IMAGE}@{DIGEST}", f"{create}{tag}-nonroot {IMAGE}@{NONROOT_DIGEST}") for tag in moved]
    assert lines == [line for pair in both for line in pair]
    return moved


def test_the_version_is_cargos(checkout: Path) -> None:
    ended = run("version.sh", checkout)
    assert ended.returncode == 0, ended.stderr
    told = dict(line.split("=") for line in ended.stdout.splitlines())
    assert told["version"] == "0.1.0" and told["created"].endswith("Z")


def test_a_version_is_released_once(checkout: Path) -> None:
    git(checkout, "tag", "v0.1.0")
    ended = run("version.sh", checkout)
    assert ended.returncode == 1 and ended.stdout == "" and "already" in ended.stderr
    # Others that begin alike, the shorter one of all versions too.
    git(checkout, "tag", "--delete", "v0.1.0")
    git(checkout, "tag", "v0.1.0-rc.1")
    git(checkout, "tag", "v0.1")
    assert run("version.sh", checkout).returncode == 0


def test_a_version_without_a_changelog_is_not_released(checkout: Path) -> None:
    (checkout / "CHANGELOG.md").write_text("## [Unreleased]\n", encoding="utf-8")
    ended = run("version.sh", checkout)
    assert ended.returncode == 1 and ended.stdout == ""


@pytest.mark.parametrize("image", [f"{IMAGE}:0.1", f"{IMAGE}@sha256:beef", f"{IMAGE}@{DIGEST}\n  env:", "$(x)"])
def test_no_image_is_pinned_but_by_digest(checkout: Path, image: str) -> None:
    ended = run("pin.sh", checkout, image)
    assert ended.returncode == 1 and ended.stdout == ""


def test_a_release_pins_the_image_and_changes_nothing_else(checkout: Path) -> None:
    ended = run("pin.sh", checkout, f"{IMAGE}@{DIGEST}")
    assert ended.returncode == 0, ended.stderr
    expected = ACTION | {"runs": ACTION["runs"] | {"image": f"docker://{IMAGE}@{DIGEST}"}}
    assert yaml.safe_load(ended.stdout) == expected
    assert len(ended.stdout) - len((ROOT / "action.yml").read_text()) == len(f"docker://{IMAGE}@{DIGEST}") - len("Dockerfile")


def test_the_tag_is_set_on_the_pinned_commit_and_then_released(checkout: Path) -> None:
    ended = run("publish.sh", checkout)
    assert ended.returncode == 0, ended.stderr
    assert f"docker://{IMAGE}@{DIGEST}" in git(checkout, "show", "v0.1.0:action.yml")
    assert git(checkout, "rev-parse", "v0.1.0^") == git(checkout, "rev-parse", "main")
    assert git(checkout, "rev-parse", "releases/v0.1.0") == git(checkout, "rev-parse", "v0.1.0")
    assert (checkout / "releases").read_text(encoding="utf-8") == f"v0.1.0{ALL_FILES}\n"
    notes = (checkout / "notes.md").read_text(encoding="utf-8")
    assert "This." in notes and "That." not in notes and DIGEST in notes


def test_shorter_tags_are_made_and_then_moved_with_those_of_the_image(checkout: Path) -> None:
    for version in ("0.1.9", "0.1.10", "0.2.0"):
        ended = run("publish.sh", checkout, version=version)
        assert ended.returncode == 0, ended.stderr
    versions = {f"v{each}": f"v{each}" for each in ("0.1.9", "0.1.10", "0.2.0")}
    assert tags(checkout) == versions | {"v0.1": "v0.1.10", "v0.2": "v0.2.0", "v0": "v0.2.0"}
    assert images(checkout) == ["0.1", "0", "0.1", "0", "0.2", "0"]


def test_no_tag_is_moved_back(checkout: Path) -> None:
    # The last two are a repair of the series before, and an old run that is tried again.
    for version in ("0.2.1", "1.0.0", "0.1.5", "0.2.0"):
        assert run("publish.sh", checkout, version=version).returncode == 0
    shorter = {name: version for name, version in tags(checkout).items() if name != version}
    assert shorter == {"v0": "v0.2.1", "v0.1": "v0.1.5", "v0.2": "v0.2.1", "v1": "v1.0.0", "v1.0": "v1.0.0"}
    # 10 is no version of 1.
    for version in ("10.0.0", "1.0.1"):
        assert run("publish.sh", checkout, version=version).returncode == 0
    assert tags(checkout)["v1"] == "v1.0.1" and tags(checkout)["v10"] == "v10.0.0"


@pytest.mark.parametrize("version", ["0.2.0-rc.1", "1.0.0-alpha"])
def test_a_pre_release_moves_nothing(checkout: Path, version: str) -> None:
    assert run("publish.sh", checkout).returncode == 0
    before, moved = tags(checkout), images(checkout)
    assert run("publish.sh", checkout, version=version).returncode == 0
    assert tags(checkout) == before | {f"v{version}": f"v{version}"} and images(checkout) == moved


def test_a_version_that_cannot_be_tagged_moves_nothing(checkout: Path) -> None:
    assert run("publish.sh", checkout).returncode == 0
    git(checkout, "tag", "v0.1.1", "main")
    before = git(checkout, "rev-parse", "v0", "v0.1")
    ended = run("publish.sh", checkout, version="0.1.1")
    assert ended.returncode != 0 and "already exists" in ended.stderr
    assert git(checkout, "rev-parse", "v0", "v0.1") == before and images(checkout) == ["0.1", "0"]


def test_a_pre_release_is_one_and_no_latest(checkout: Path) -> None:
    assert run("publish.sh", checkout, version="0.2.0-rc.1").returncode == 0
    assert (checkout / "releases").read_text(encoding="utf-8") == f"v0.2.0-rc.1 --prerelease --latest=false{ALL_FILES}\n"


@pytest.mark.parametrize(
    "fails",
    [
        pytest.param('*graphql*', id="commit"),
        pytest.param('*refs/tags/v0.1.0*', id="tag"),
        pytest.param('*"release create"*', id="release"),
        pytest.param('*refs/tags/v0.1\\ *', id="shorter tag"),
        pytest.param("docker", id="image"),
    ],
)
def test_another_attempt_goes_on_where_the_first_has_failed(checkout: Path, fails: str) -> None:
    command = checkout / "bin" / ("docker" if fails == "docker" else "gh")
    whole = command.read_text(encoding="utf-8")
    (checkout / "bin" / "whole").write_text(whole, encoding="utf-8")
    (checkout / "bin" / "whole").chmod(0o755)
    pattern = "*" if fails == "docker" else fails
    command.write_text(f'#!/bin/sh\ncase "$* " in {pattern}) echo 502 >&2; exit 1 ;; esac\nexec whole "$@"\n', encoding="utf-8")
    first = run("publish.sh", checkout)
    assert first.returncode != 0 and "502" in first.stderr
    command.write_text(whole, encoding="utf-8")
    second = run("publish.sh", checkout)
    assert second.returncode == 0, second.stderr
    assert tags(checkout) == dict.fromkeys(("v0.1.0", "v0.1", "v0"), "v0.1.0") and images(checkout) == ["0.1", "0"]
    assert (checkout / "releases").read_text(encoding="utf-8") == f"v0.1.0{ALL_FILES}\n"


def test_a_branch_of_something_else_is_not_released(checkout: Path) -> None:
    git(checkout, "checkout", "--quiet", "-b", "releases/v0.1.0")
    (checkout / "src" / "lib.rs").write_text("// more\n", encoding="utf-8")
    git(checkout, "commit", "--quiet", "--all", "--message", "more")
    git(checkout, "checkout", "--quiet", "main")
    ended = run("publish.sh", checkout)
    assert ended.returncode == 1 and "already exists" in ended.stderr and tags(checkout) == {}


# A registry with the images of two architectures, and what a tag names, in files.
DOCKER = """#!/bin/sh
case "$3 $4 $5" in
  "inspect --raw IMAGE:"*) [ -e tag ] || { echo "ERROR: $5: not found" >&2; exit 1; }; cat tag ;;
  "inspect --raw IMAGE@sha256:"*) printf '{"manifests":[{"digest":"%s"},{"digest":"%s-made"}]}' "${5#*@}" "${5#*@}" ;;
  "inspect IMAGE:"*) echo '{"digest":"sha256:index"}' ;;
  "create --tag "*) echo "$5" >> pushed; shift 5
    for image; do printf '{"digest":"%s-made"},{"digest":"%s"},' "${image#*@}" "${image#*@}"; done |
      sed 's/.*/{"manifests":[&]}/; s/,]/]/' > tag ;;
  *) exit 1 ;;
esac
""".replace("IMAGE", IMAGE)


def test_an_images_tag_is_pushed_once(checkout: Path) -> None:
    (checkout / "bin" / "docker").write_text(DOCKER, encoding="utf-8")
    both = [f"{IMAGE}@sha256:amd", f"{IMAGE}@sha256:arm"]
    for images_ in (both, both[::-1]):
        ended = run("index.sh", checkout, "0.1.0", *images_)
        assert (ended.returncode, ended.stdout) == (0, "sha256:index\n"), ended.stderr
    other = run("index.sh", checkout, "0.1.0", both[0], f"{IMAGE}@sha256:other")
    assert other.returncode == 1 and other.stdout == "" and "is there already" in other.stderr
    assert (checkout / "pushed").read_text(encoding="utf-8") == f"{IMAGE}:0.1.0\n"


def test_an_images_tag_that_cannot_be_asked_for_is_not_pushed(checkout: Path) -> None:
    (checkout / "bin" / "docker").write_text("#!/bin/sh\necho denied >&2; echo $* >> pushed-$4; exit 1\n", encoding="utf-8")
    ended = run("index.sh", checkout, "0.1.0", f"{IMAGE}@sha256:amd")
    assert ended.returncode == 1 and "denied" in ended.stderr and not (checkout / "pushed---tag").exists()

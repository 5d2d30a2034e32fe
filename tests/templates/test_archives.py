"""What is released beside the image: archives, their checksums, and those who install by them. The last test rehearses a
release with the real binary."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tarfile
import tomllib
from pathlib import Path

import pytest
import yaml
from pipelines import PATIENCE, ROOT, binary

SCRIPTS = ROOT / ".github" / "release"
WORKFLOWS = ROOT / ".github" / "workflows"
MANIFEST = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))
VERSION = MANIFEST["workspace"]["package"]["version"]
MATRIX = yaml.safe_load((WORKFLOWS / "archives.yml").read_text(encoding="utf-8"))["jobs"]["archive"]["strategy"]["matrix"]
TARGETS = [each["target"] for each in MATRIX["include"]]
VERIFY = (ROOT / "docs" / "verify.md").read_text(encoding="utf-8")
DOCUMENTS = {"README.md", "CHANGELOG.md", "LICENSE"}
WRITTEN = {"completions/faultgate.bash", "completions/_faultgate", "completions/faultgate.fish", "man/faultgate.1"}
STAND_IN = f"""#!/bin/sh
case "$*" in
  --version) echo "faultgate {VERSION}" ;;
  completions*) echo "# $2" ;;
  "man "*) mkdir -p "$2" && echo .TH > "$2/faultgate.1" && echo "1 page" ;;
  rehearse) echo PASSED ;;
  *) exit 2 ;;
esac
"""


def run(script: str, *words: object, fails: bool = False) -> str:
    ended = subprocess.run([SCRIPTS / script, *map(str, words)], capture_output=True, text=True, check=False, timeout=3 * PATIENCE)
    assert bool(ended.returncode) == fails, ended.stdout + ended.stderr
    return ended.stderr if fails else ended.stdout


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A program that does what the scripts ask of the binary."""
    path = tmp_path / "built"
    path.write_text(STAND_IN, encoding="utf-8")
    path.chmod(0o700)
    return path


@pytest.fixture
def released(stand_in: Path, tmp_path: Path) -> Path:
    """A folder with the archives of all targets, and their checksums."""
    folder = tmp_path / "archives"
    for target in TARGETS:
        run("archive.sh", stand_in, target, folder)
    run("checksums.sh", folder)
    return folder


def sums(folder: Path) -> dict[str, str]:
    lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def test_an_archive_has_the_binary_and_what_belongs_to_it(stand_in: Path, tmp_path: Path) -> None:
    path = Path(run("archive.sh", stand_in, TARGETS[0], tmp_path / "archives").strip())
    name = f"faultgate-{VERSION}-{TARGETS[0]}"
    assert path == tmp_path / "archives" / f"{name}.tar.gz"
    with tarfile.open(path) as archive:
        members = {each.name.removeprefix(f"{name}/"): each for each in archive if each.isfile()}
        assert set(members) == {"faultgate"} | DOCUMENTS | WRITTEN
        assert {f"{each.mode:o}" for each in members.values()} == {"644", "755"} and members["faultgate"].mode == 0o755
        assert {(each.uid, each.gid) for each in archive} == {(0, 0)}
        script = archive.extractfile(members["faultgate"])
        assert script and script.read() == stand_in.read_bytes()


def test_the_same_binary_gives_the_same_archive(stand_in: Path, tmp_path: Path) -> None:
    first, second = (Path(run("archive.sh", stand_in, TARGETS[0], tmp_path / each).strip()) for each in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_the_checksums_are_of_all_archives(released: Path) -> None:
    expected = {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in released.glob("*.tar.gz")}
    assert sums(released) == expected and len(expected) == len(TARGETS) == 4


def test_cargo_binstall_finds_each_archive_and_the_binary_in_it(released: Path) -> None:
    told = MANIFEST["package"]["metadata"]["binstall"]
    assert told["pkg-fmt"] == "tgz"
    for target in TARGETS:
        values = {"repo": MANIFEST["workspace"]["package"]["repository"], "name": "faultgate", "version": VERSION}
        values |= {"target": target, "bin": "faultgate", "binary-ext": ""}

        def filled(template: str) -> str:
            return re.sub(r"\{ (\S+) \}", lambda match: values[match[1]], template)

        place, _, file = filled(told["pkg-url"]).rpartition("/")
        assert place == f"https://github.com/faultgate/faultgate/releases/download/v{VERSION}"
        with tarfile.open(released / file) as archive:
            assert filled(told["bin-dir"]) in archive.getnames()


def test_the_formula_has_the_address_and_the_checksum_of_each_archive(released: Path) -> None:
    formula = run("formula.sh", VERSION, released / "SHA256SUMS")
    place = f"https://github.com/faultgate/faultgate/releases/download/v{VERSION}"
    found = re.findall(r'on_(\w+) do\n      url "(.*)/(.*)"\n      sha256 "(.*)"', formula)
    assert {(name, digest) for _, _, name, digest in found} == set(sums(released).items())
    assert {address for _, address, _, _ in found} == {place}
    assert [("aarch64" in name, processor) for processor, _, name, _ in found] == [(True, "arm"), (False, "intel")] * 2
    assert ["apple" in name for _, _, name, _ in found] == [True, True, False, False]
    # What it installs is there.
    named = set(re.findall(r"(?:completions|man)/[\w.*]+", formula))
    assert named == (WRITTEN - {"man/faultgate.1"}) | {"man/*.1"}


def test_no_formula_is_made_without_a_checksum_of_each_archive(released: Path) -> None:
    told = (released / "SHA256SUMS").read_text(encoding="utf-8").splitlines(keepends=True)
    for missing in told:
        (released / "SHA256SUMS").write_text("".join(line for line in told if line != missing), encoding="utf-8")
        assert "has no checksum of" in run("formula.sh", VERSION, released / "SHA256SUMS", fails=True)
    (released / "SHA256SUMS").write_text("".join(told), encoding="utf-8")
    assert "has no checksum of" in run("formula.sh", "9.9.9", released / "SHA256SUMS", fails=True)


def test_the_documented_commands_verify_and_unpack_an_archive(released: Path) -> None:
    (block,) = re.findall(r"```console\n(\$ version=.*?)```", VERIFY, re.DOTALL)
    commands = [line.removeprefix("$ ") for line in block.splitlines()]
    assert commands[0] == f"version={VERSION} target={TARGETS[0]}"
    # What is downloaded is there.
    script = "\n".join(line for line in commands if not line.startswith("curl"))
    for target in TARGETS[1:]:
        (released / f"faultgate-{VERSION}-{target}.tar.gz").unlink()
    told = subprocess.run(
        ["bash", "-euc", script], cwd=released, capture_output=True, text=True, check=True, timeout=PATIENCE
    ).stdout
    assert told == f"faultgate-{VERSION}-{TARGETS[0]}.tar.gz: OK\nPASSED\n"


def test_what_is_documented_is_what_is_released() -> None:
    files = {f"faultgate-{VERSION}-{target}.tar.gz" for target in TARGETS}
    release = (WORKFLOWS / "release.yml").read_text(encoding="utf-8")
    files |= set(re.findall(r"archives/(faultgate\.rb|SHA256SUMS[\w.]*)", release))
    assert len(files) == len(TARGETS) + 3 and {file for file in files if file not in VERIFY} == set()
    # Who signs.
    identities = set(re.findall(r"--certificate-identity (\S+)", VERIFY))
    assert identities == {"https://github.com/faultgate/faultgate/.github/workflows/release.yml@refs/heads/main"}
    assert "if: github.ref == 'refs/heads/main'" in release and "cosign sign-blob" in release


@pytest.mark.skipif(shutil.which("ruby") is None, reason="no Ruby")
def test_the_formula_is_ruby(released: Path) -> None:
    formula = run("formula.sh", VERSION, released / "SHA256SUMS")
    subprocess.run(["ruby", "-c"], input=formula, text=True, check=True, timeout=PATIENCE)


@pytest.mark.parametrize("broken", ["  rehearse) exit 1 ;;", "  --version) exit 1 ;;", '  completions*) exit 1 ;;'])
def test_a_binary_that_does_not_do_its_part_is_not_released(broken: str, stand_in: Path, tmp_path: Path) -> None:
    lines = STAND_IN.splitlines(keepends=True)
    begin = broken.partition(")")[0]
    stand_in.write_text("".join(f"{broken}\n" if line.startswith(begin) else line for line in lines), encoding="utf-8")
    run("rehearse.sh", stand_in, TARGETS[0], tmp_path / "archives", fails=True)


def test_what_is_called_before_a_release_is_what_ci_calls() -> None:
    for workflow in ("release.yml", "test.yml"):
        jobs = yaml.safe_load((WORKFLOWS / workflow).read_text(encoding="utf-8"))["jobs"]
        assert jobs["archives"]["uses"] == "$/.github/workflows/archives.yml"
    release = yaml.safe_load((WORKFLOWS / "release.yml").read_text(encoding="utf-8"))["jobs"]
    # Nothing is published before each archive has been rehearsed.
    assert set(release["publish"]["needs"]) == {"version", "image", "archives"}


def test_a_release_of_this_binary_is_rehearsed(tmp_path: Path) -> None:
    """As `make release-rehearsal` does it."""
    stripped = tmp_path / "faultgate"
    subprocess.run(["strip", "-o", stripped, binary()], check=True, timeout=PATIENCE)
    told = run("rehearse.sh", stripped, "x86_64-unknown-linux-gnu", tmp_path)
    (archive,) = tmp_path.glob("*.tar.gz")
    assert f"{archive.name}: OK" in told and "PASSED" in told

#!/usr/bin/env bash
# Prints Homebrew's formula of a release, of its checksums: formula.sh VERSION SHA256SUMS
set -euo pipefail

version=$1 sums=$2
releases=https://github.com/faultgate/faultgate/releases/download

# The address and the checksum of a target's archive.
of() {
	local file="faultgate-$version-$1.tar.gz" sum
	sum=$(awk -v file="$file" '$2 == file { print $1 }' "$sums")
	if ! [[ $sum =~ ^[0-9a-f]{64}$ ]]; then
		echo "$sums has no checksum of $file" >&2
		exit 1
	fi
	printf '      url "%s/v%s/%s"\n      sha256 "%s"' "$releases" "$version" "$file" "$sum"
}

mac_arm=$(of aarch64-apple-darwin)
mac_intel=$(of x86_64-apple-darwin)
linux_arm=$(of aarch64-unknown-linux-musl)
linux_intel=$(of x86_64-unknown-linux-musl)
cat << EOF
class Faultgate < Formula
  desc "Chaos experiments as a gate in the delivery pipeline"
  homepage "https://github.com/faultgate/faultgate"
  version "$version"
  license "Apache-2.0"

  on_macos do
    on_arm do
$mac_arm
    end
    on_intel do
$mac_intel
    end
  end

  on_linux do
    on_arm do
$linux_arm
    end
    on_intel do
$linux_intel
    end
  end

  def install
    bin.install "faultgate"
    bash_completion.install "completions/faultgate.bash" => "faultgate"
    zsh_completion.install "completions/_faultgate"
    fish_completion.install "completions/faultgate.fish"
    man1.install Dir["man/*.1"]
  end

  test do
    assert_match "PASSED", shell_output("#{bin}/faultgate rehearse")
  end
end
EOF

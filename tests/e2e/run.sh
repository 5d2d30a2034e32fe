#!/usr/bin/env bash
# The container tests: an engine, the base images, the image by the Dockerfile, then pytest with what is given here.
set -euo pipefail
cd "$(dirname "$0")/../.."

E2E=$PWD/.tools/e2e
mkdir -p "$E2E"
. tests/e2e/engine.sh
. tests/e2e/bases.sh
. tests/e2e/image.sh

trap engine_stop EXIT
engine_start
make_bases
build_image

export FAULTGATE_IMAGE=$IMAGE BUSYBOX_IMAGE PYTHONDONTWRITEBYTECODE=1
python=${PYTHON:-$PWD/.tools/venv/bin/python}
"$python" -m pytest -q -p no:cacheprovider tests/e2e "$@"
"$python" tests/e2e/figures.py

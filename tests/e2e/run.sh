#!/usr/bin/env bash
# The container tests: an engine, the base images, the image by the Dockerfile, then pytest with what is given here.
# With --possible, only says by its exit code whether they can be run on this machine.
set -euo pipefail
cd "$(dirname "$0")/../.."

E2E=$PWD/.tools/e2e
mkdir -p "$E2E"
. tests/e2e/engine.sh
. tests/e2e/bases.sh
. tests/e2e/image.sh

run_tests() {
    make_bases
    build_image
    export FAULTGATE_IMAGE=$IMAGE BUSYBOX_IMAGE HELPER_IMAGE PYTHONDONTWRITEBYTECODE=1
    local python=${PYTHON:-$PWD/.tools/venv/bin/python}
    "$python" -m pytest -q -p no:cacheprovider tests/e2e "$@"
    "$python" tests/e2e/figures.py
}

trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
case "${1:-}" in
    --possible)
        engine_possible
        ;;
    --enclosed)
        shift
        trap engine_stop EXIT
        engine_start
        run_tests "$@"
        ;;
    *)
        trap 'enclosed_end; engine_remove' EXIT
        if engine_answers; then
            trap 'enclosed_end; sweep' EXIT
            fetch_bases
            run_tests "$@"
        else
            engine_place
            fetch_bases
            enclosed --net "$0" --enclosed "$@"
        fi
        ;;
esac

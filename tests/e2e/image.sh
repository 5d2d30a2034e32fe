# shellcheck shell=bash
# Builds the Dockerfile as it is, without a network if the crates are in the base image. To be sourced.

IMAGE=faultgate:e2e

build_image() {
    # The builder of the engine itself: a client without its plug-in would take the old one.
    local docker=docker
    [ ! -x /usr/bin/docker ] || docker=/usr/bin/docker
    set -- --quiet --network "$BUILD_NETWORK" \
        --build-arg "RUST_IMAGE=$RUST_IMAGE" --build-arg "BUSYBOX_IMAGE=$BUSYBOX_IMAGE"
    DOCKER_BUILDKIT=1 "$docker" build "$@" --tag "$IMAGE" . > "$E2E/image-id"
    DOCKER_BUILDKIT=1 "$docker" build "$@" --tag "$IMAGE-nonroot" --target nonroot . >> "$E2E/image-id"
}

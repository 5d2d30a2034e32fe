# shellcheck shell=bash
# Stand-ins for the base images, under the tags that the Dockerfile names, so that no registry is needed: Debian by
# debootstrap with this machine's compiler and crates, and Debian's static busybox. To be sourced; needs $E2E.

DEBIAN=$E2E/debian
# What the compiler, the image and gitlab-ci-local's helper need.
DEBIAN_PACKAGES=ca-certificates,gcc,libc6-dev,busybox-static,rsync

# The reference of a base image without its digest, which an image that was made here cannot have.
base_tag() {
    sed -n "s/^ARG $1=\([^@]*\).*/\1/p" Dockerfile
}

# All that needs a network.
fetch_bases() {
    cargo fetch --locked --quiet
    [ "$(cat "$DEBIAN/.complete" 2> /dev/null)" != "$DEBIAN_PACKAGES" ] || return 0
    install_missing debootstrap:debootstrap debian-archive-keyring:/usr/share/keyrings/debian-archive-keyring.gpg
    local rust
    rust=$(base_tag RUST_IMAGE)
    rm -rf "$DEBIAN"
    # Enclosed, for it mounts.
    enclosed debootstrap --variant=minbase --include="$DEBIAN_PACKAGES" "${rust##*-}" "$DEBIAN" > "$E2E/debootstrap.log"
    echo "$DEBIAN_PACKAGES" > "$DEBIAN/.complete"
}

# shellcheck disable=SC2034  # run.sh reads HELPER_IMAGE
make_bases() {
    RUST_IMAGE=$(base_tag RUST_IMAGE)
    BUSYBOX_IMAGE=$(base_tag BUSYBOX_IMAGE)
    HELPER_IMAGE=faultgate-e2e-helper:latest
    make_busybox
    make_helper
    make_rust
}

make_busybox() {
    docker image inspect "$BUSYBOX_IMAGE" > /dev/null 2>&1 && return
    local root="$E2E/busybox"
    rm -rf "$root"
    mkdir -p "$root"/{bin,etc,root,tmp,var}
    cp "$DEBIAN/bin/busybox" "$root/bin/"
    chroot "$root" /bin/busybox --install -s /bin
    echo 'root:x:0:0:root:/root:/bin/sh' > "$root/etc/passwd"
    echo 'root:x:0:' > "$root/etc/group"
    tar -C "$root" -c . | docker import --change 'CMD ["sh"]' - "$BUSYBOX_IMAGE" > /dev/null
}

# Bash and rsync, by which gitlab-ci-local takes the artifacts.
make_helper() {
    docker image inspect "$HELPER_IMAGE" > /dev/null 2>&1 && return
    tar -C "$DEBIAN" -c --exclude=./var/cache/apt --exclude=./usr/share --exclude=./usr/lib/gcc . \
        | docker import - "$HELPER_IMAGE" > /dev/null
}

# Laid out as in the official image. It is made anew when the crates or the compiler are others; an image that is not
# ours is taken as it is.
# shellcheck disable=SC2034  # image.sh reads BUILD_NETWORK
make_rust() {
    local sysroot registry="${CARGO_HOME:-$HOME/.cargo}/registry" made there
    BUILD_NETWORK=none
    made=$( (cat Cargo.lock && rustc -vV) | sha256sum | cut -c 1-64)
    if there=$(docker image inspect --format '{{ json .Config.Labels }}' "$RUST_IMAGE" 2> /dev/null); then
        case $there in
            *"$made"*) return ;;
            *made-of*) ;;
            *)
                BUILD_NETWORK=default
                return
                ;;
        esac
    fi
    sysroot=$(rustc --print sysroot)
    # One archive of several roots: each part goes to where the official image has it.
    tar -c --exclude=./var/cache/apt --exclude=./usr/share/doc --exclude=./.complete \
        --transform 's,^\(bin\|lib\)\(/\|$\),./usr/local/cargo/\1\2,S' --transform 's,^registry/,./usr/local/cargo/&,S' \
        -C "$DEBIAN" . -C "$sysroot" bin/cargo bin/rustc lib -C "$registry/.." registry/cache registry/index \
        | docker import \
            --change 'ENV PATH=/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
            --change 'ENV CARGO_HOME=/usr/local/cargo' --change 'ENV CARGO_NET_OFFLINE=true' \
            --change "LABEL made-of=$made" - "$RUST_IMAGE" > /dev/null
}

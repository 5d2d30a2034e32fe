# One image for GitHub Actions, GitLab CI and CodeBuild: docs/container.md.
#
# The base images are pinned by the digests of their indexes, which hold every architecture. Who has only the tags, or
# a mirror, says so: --build-arg RUST_IMAGE=… --build-arg BUSYBOX_IMAGE=…
ARG RUST_IMAGE=rust:1.95.0-slim-bookworm@sha256:d7482085ff5b415f84dba5647ae71606650bdef00db7aeb69f4b3d170c3e4082
ARG BUSYBOX_IMAGE=busybox:1.37.0-musl@sha256:1256f55742579badea94e3e2f574fc90021120f6c1aa01c87182566dfb950c39

FROM ${RUST_IMAGE} AS build
WORKDIR /src
COPY . .
# Static, so that it needs nothing of the final image. With a target named, build scripts and procedural macros, which
# cannot be static, are not.
# With frame pointers, the tables for unwinding are a third smaller, and the code is no larger; C code, through which
# nothing unwinds, has none. Where the linker is Rust's own, as on x86_64, functions of the same code and tables of the
# same bytes are kept once (the cipher library has each of its largest tables twice), relocations are packed, and what is alike
# stands together, which compresses better.
RUN --mount=type=cache,target=/src/target,sharing=locked \
    target="$(rustc --print host-tuple)" \
    && case "$target" in x86_64-*) small='-C link-arg=-Wl,--icf=all,--ignore-data-address-equality,--pack-dyn-relocs=relr,--bp-compression-sort=both' ;; *) small='' ;; esac \
    && export CFLAGS='-fno-asynchronous-unwind-tables -fno-unwind-tables' \
    && RUSTFLAGS="-C target-feature=+crt-static -C force-frame-pointers=yes $small" cargo build --locked --release --package faultgate --target "$target" \
    && mkdir -p /out \
    && cp "target/$target/release/faultgate" /out/ \
    && ln -s faultgate /out/faultgate-stop

FROM ${BUSYBOX_IMAGE} AS base
ARG VERSION=unreleased
ARG REVISION=
ARG CREATED=
LABEL org.opencontainers.image.title="faultgate" \
      org.opencontainers.image.description="Chaos experiments as a gate in the delivery pipeline" \
      org.opencontainers.image.source="https://github.com/faultgate/faultgate" \
      org.opencontainers.image.documentation="https://github.com/faultgate/faultgate/blob/main/docs/container.md" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/ /usr/local/bin/
# Called with `sh` or `bash`, it becomes the shell, as GitLab wants it.
ENTRYPOINT ["/usr/local/bin/faultgate"]

# The tag that ends with -nonroot, for clusters that forbid root: docker build --target nonroot.
FROM base AS nonroot
# Its group is that of the users whom OpenShift invents.
RUN mkdir /workspace && chown 65532:0 /workspace && chmod 0775 /workspace
WORKDIR /workspace
ENV HOME=/workspace
USER 65532

FROM base
# GitHub demands root: its files of commands and its workspace belong to the user of the runner.
# hadolint ignore=DL3002
USER 0

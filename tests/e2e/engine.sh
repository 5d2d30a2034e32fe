# shellcheck shell=bash
# A Docker engine: the one that answers, or one of our own. Ours lives in namespaces of processes, mounts and networks
# that it shares with the tests alone: when their first process ends, the kernel ends all others, with the containers
# and builds, and mounts and networks go with them. To be sourced; needs $E2E, a folder that git ignores.

ENGINE_CGROUP=faultgate-e2e

engine_answers() {
    docker version > /dev/null 2>&1
}

# Whether there is an engine, or one could be started.
engine_possible() {
    engine_answers && return
    [ "$(id -u)" -eq 0 ] || return
    command -v dockerd > /dev/null || command -v apt-get > /dev/null || return
    unshare --fork --pid --mount --net true 2> /dev/null
}

# Runs a command in namespaces that end with it, and with this script however that ends. Options of unshare go before
# the command; a network of its own has no way out.
enclosed() {
    local code=0
    # With job control, or else the command would ignore SIGINT for ever.
    set -m
    setpriv --pdeathsig KILL unshare --fork --kill-child --pid --mount-proc "$@" < /dev/null &
    ENCLOSED=$!
    set +m
    wait "$ENCLOSED" || code=$?
    ENCLOSED=
    return "$code"
}

# Ends what is enclosed, if anything still is. Comes back when it is gone.
enclosed_end() {
    [ -n "${ENCLOSED:-}" ] || return 0
    local first
    read -r first < "/proc/$ENCLOSED/task/$ENCLOSED/children" || true
    # The end of the first process waits for that of all others.
    kill -KILL "${first:-$ENCLOSED}" 2> /dev/null || true
    wait "$ENCLOSED" 2> /dev/null || true
    ENCLOSED=
}

# Makes the place for an engine of our own, which is known to all by DOCKER_HOST.
engine_place() {
    if [ "$(id -u)" -ne 0 ]; then
        echo "no Docker engine answers, and only root can start one" >&2
        return 1
    fi
    install_missing docker.io:dockerd iproute2:ip
    # The engine's own folders hold sockets, whose paths must be short.
    ENGINE_RUN=$(mktemp -d -t engine.XXXXXX)
    export ENGINE_RUN DOCKER_HOST="unix://$ENGINE_RUN/docker.sock"
}

# Removes the place, with what the kernel keeps of processes that were killed.
engine_remove() {
    [ -n "${ENGINE_RUN:-}" ] || return 0
    rm -rf "$ENGINE_RUN"
    find /sys/fs/cgroup -depth -type d -path "*/$ENGINE_CGROUP-${ENGINE_RUN##*.}*" -exec rmdir {} + 2> /dev/null || true
    ENGINE_RUN=
}

# To be called where nothing else is: enclosed, with a network of its own.
engine_start() {
    ip link set lo up
    dockerd --host "$DOCKER_HOST" --data-root "$E2E/engine" --exec-root "$ENGINE_RUN/exec" --pidfile "$ENGINE_RUN/pid" \
        --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$ENGINE_CGROUP-${ENGINE_RUN##*.}" \
        > "$E2E/engine.log" 2>&1 &
    ENGINE_PID=$!
    local tries=0
    until engine_answers; do
        tries=$((tries + 1))
        if [ "$tries" -gt 300 ] || ! kill -0 "$ENGINE_PID" 2> /dev/null; then
            tail -20 "$E2E/engine.log" >&2
            echo "the Docker engine did not start: $E2E/engine.log" >&2
            return 1
        fi
        sleep 0.2
    done
    # What a run that was killed has left in the engine's data.
    docker container prune --force > /dev/null
    docker network prune --force > /dev/null
    docker volume prune --force > /dev/null
    docker image prune --force > /dev/null
}

# In order, so that the engine's data are whole. What does not end by this ends with the enclosure.
engine_stop() {
    kill "$ENGINE_PID" 2> /dev/null || true
    local tries=0
    while kill -0 "$ENGINE_PID" 2> /dev/null && [ "$tries" -lt 150 ]; do
        tries=$((tries + 1))
        sleep 0.2
    done
}

# Removes the containers and networks of the tests, where the engine stays.
sweep() {
    docker ps --all --quiet --filter name=^e2e- | xargs -r docker rm --force --volumes > /dev/null || true
    docker network ls --quiet --filter name=^e2e- | xargs -r docker network rm > /dev/null || true
}

# Debian's packages, each given as PACKAGE:COMMAND or PACKAGE:FILE, whose command or file is not there.
install_missing() {
    local pair packages=()
    for pair in "$@"; do
        [ -e "${pair#*:}" ] || command -v "${pair#*:}" > /dev/null || packages+=("${pair%%:*}")
    done
    [ "${#packages[@]}" -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
        echo "needed, and not to be installed here: ${packages[*]}" >&2
        return 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "${packages[@]}" > /dev/null
}

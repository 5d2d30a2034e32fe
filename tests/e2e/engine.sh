# shellcheck shell=bash
# A Docker engine: the one that answers, or one of our own. To be sourced; needs $E2E, a folder that git ignores.

# Says where the engine answers, for whoever works with it by hand.
engine_start() {
    if docker version > /dev/null 2>&1; then
        return
    fi
    if [ "$(id -u)" -ne 0 ]; then
        echo "no Docker engine answers, and only root can start one" >&2
        return 1
    fi
    install_missing docker.io:dockerd
    # The engine's own folders hold sockets, whose paths must be short.
    ENGINE_RUN=$(mktemp -d -t engine.XXXXXX)
    export DOCKER_HOST="unix://$ENGINE_RUN/docker.sock"
    dockerd --host "$DOCKER_HOST" --data-root "$E2E/engine" --exec-root "$ENGINE_RUN/exec" \
        --pidfile "$ENGINE_RUN/pid" > "$E2E/engine.log" 2>&1 &
    ENGINE_PID=$!
    local tries=0
    until docker version > /dev/null 2>&1; do
        tries=$((tries + 1))
        if [ "$tries" -gt 300 ] || ! kill -0 "$ENGINE_PID" 2> /dev/null; then
            tail -20 "$E2E/engine.log" >&2
            echo "the Docker engine did not start: $E2E/engine.log" >&2
            return 1
        fi
        sleep 0.2
    done
}

# Ends the engine if it is ours.
engine_stop() {
    [ -n "${ENGINE_PID:-}" ] || return 0
    kill "$ENGINE_PID" 2> /dev/null || true
    wait "$ENGINE_PID" 2> /dev/null || true
    rm -rf "$ENGINE_RUN"
    ENGINE_PID=
}

# Debian's packages, each given as PACKAGE:COMMAND, whose command is not there.
install_missing() {
    local pair packages=()
    for pair in "$@"; do
        command -v "${pair#*:}" > /dev/null || packages+=("${pair%%:*}")
    done
    [ "${#packages[@]}" -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
        echo "needed, and not to be installed here: ${packages[*]}" >&2
        return 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "${packages[@]}" > /dev/null
}

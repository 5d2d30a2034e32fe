#!/usr/bin/env bash
# A real network that is bad: two network namespaces joined by a cable. The tests and the embedded endpoints are in one,
# the binary in the other. Needs root and iproute2; what else there is, it says.
set -euo pipefail
cd "$(dirname "$0")/../.."

skip() { echo "network: left out: $1" >&2; exit 0; }
[ "$(id -u)" = 0 ] || skip "it needs root"
command -v ip > /dev/null || skip "it needs ip (apt-get install iproute2)"

export NEAR=fg-near-$$ FAR=fg-far-$$
ip netns add "$NEAR" 2> /dev/null || skip "no network namespace can be made here"
trap 'ip netns del "$NEAR" 2> /dev/null || true; ip netns del "$FAR" 2> /dev/null || true' EXIT
ip netns add "$FAR"
ip -n "$NEAR" link add wire type veth peer name wire netns "$FAR" || skip "no veth pair can be made here"
ip -n "$NEAR" addr add 10.213.7.1/24 dev wire
ip -n "$FAR" addr add 10.213.7.2/24 dev wire
for side in "$NEAR" "$FAR"; do
    ip -n "$side" link set lo up
    ip -n "$side" link set wire up
done

# 200 ms and one packet of twelve, by the kernel where it can; else by a relay and by rules that drop.
if ip netns exec "$NEAR" tc qdisc add dev wire root netem delay 100ms loss 8% 2> /dev/null; then
    ip netns exec "$FAR" tc qdisc add dev wire root netem delay 100ms loss 8%
    export RELAY_DELAY=0
else
    export RELAY_DELAY=0.1
    for side in "$NEAR" "$FAR"; do
        ip netns exec "$side" iptables -A INPUT -i wire -m statistic --mode random --probability 0.08 -j DROP ||
            skip "neither netem nor iptables can lose packets here"
    done
    echo "network: this kernel has no netem: latency by a relay, loss by iptables" >&2
fi

export PYTHONDONTWRITEBYTECODE=1
ip netns exec "$NEAR" "${PYTHON:-python3}" -m pytest -q --assert=plain -p no:cacheprovider tests/network "$@"

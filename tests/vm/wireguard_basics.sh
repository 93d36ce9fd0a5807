#!/bin/bash
# In-kernel WireGuard between two namespaces, and what the other tests in here take for granted: netem keeps its word,
# VRF, operstate DORMANT lets packets pass, nftables and tc redirect work.
passed=0 failed=0
check() {  # SENTENCE COMMAND…
    local sentence=$1
    shift
    if "$@" >/tmp/check.log 2>&1; then echo "ok - $sentence"; passed=$((passed + 1))
    else echo "FAIL - $sentence"; sed 's/^/    /' /tmp/check.log; failed=$((failed + 1)); fi
}
not() { ! "$@"; }
rtt_between() {  # LOW HIGH in ms, of the average round trip once addresses are resolved
    ip netns exec A ping -q -c 1 10.0.0.2
    ip netns exec A ping -q -c 10 -i 0.1 10.0.0.2 | awk -F/ -v l="$1" -v h="$2" '/^rtt/ {print; exit !($5 >= l && $5 <= h)}'
}

for n in A B; do
    ip netns add $n && ip -n $n link set lo up
    (umask 077 && wg genkey >/run/$n.key) && wg pubkey </run/$n.key >/run/$n.pub
done
ip link add vA netns A type veth peer name vB netns B
i=1
for n in A B; do
    other=$([ $n = A ] && echo B || echo A)
    ip -n $n addr add 192.168.9.$i/24 dev v$n && ip -n $n link set v$n up
    ip -n $n link add wg0 type wireguard
    ip netns exec $n wg set wg0 private-key /run/$n.key listen-port 500$i \
        peer "$(cat /run/$other.pub)" endpoint 192.168.9.$((3 - i)):500$((3 - i)) allowed-ips 0.0.0.0/0
    ip -n $n addr add 10.0.0.$i/30 dev wg0 && ip -n $n link set wg0 up
    i=$((i + 1))
done
check "the interface is the kernel's own" sh -c 'ip -n A -d link show wg0 | grep -q "wireguard"'
check "a ping crosses the tunnel" ip netns exec A ping -q -c 3 -i 0.2 10.0.0.2
check "both ends saw a handshake" sh -c 'for n in A B; do [ "$(ip netns exec $n wg show wg0 latest-handshakes | cut -f2)" -gt 0 ] || exit 1; done'
check "a round trip without netem takes less than 1 ms" rtt_between 0 1
ip -n A link add vrf1 type vrf table 100 && ip -n A link set vrf1 up && ip -n A link set wg0 master vrf1
check "the tunnel works inside a VRF" ip netns exec A ping -q -c 2 -i 0.2 -I vrf1 10.0.0.2
ip -n A link set wg0 nomaster
ip netns exec A tc qdisc add dev vA root netem delay 20ms
check "netem's 20 ms are 20 to 21 ms" rtt_between 20 21
ip netns exec A tc qdisc change dev vA root netem loss 100%
check "a cut underlay stops the ping" not ip netns exec A ping -q -c 3 -i 0.2 -W 1 10.0.0.2
ip netns exec A tc qdisc del dev vA root
check "and it comes back" ip netns exec A ping -q -c 3 -i 0.2 10.0.0.2
check "nftables drops what it is told to" sh -c 'ip netns exec B nft "add table inet t; add chain inet t c { type filter hook input priority 0; }; add rule inet t c udp dport 5002 counter drop" &&
    ! ip netns exec A ping -q -c 2 -i 0.2 -W 1 10.0.0.2 && ip netns exec B nft delete table inet t'
check "modules for tc redirect and classic BPF are there" sh -c 'modprobe -a sch_ingress cls_u32 act_mirred cls_bpf act_bpf sch_htb sch_tbf tun bridge ifb &&
    ip netns exec A tc qdisc add dev wg0 clsact && ip netns exec A tc filter add dev wg0 egress prio 10 protocol all u32 match u32 0 0 action mirred egress redirect dev vA'
check "python3 with yaml, FRR's and BIRD's programs are there" sh -c 'python3 -c "import yaml, json, asyncio, subprocess, socket, threading, argparse" &&
    for p in zebra bgpd ospfd bfdd staticd; do /usr/lib/frr/$p --version >/dev/null || exit 1; done; vtysh --help >/dev/null && bird --version'
check "tcpdump, chrt, unshare, nsenter, bc are there" sh -c 'tcpdump --version && chrt -f 50 true && unshare -n true && nsenter -t 1 -n true && [ "$(echo 1+1 | bc)" = 2 ]'
echo "$passed passed, $failed failed"
[ $failed = 0 ]

# shellcheck shell=bash
# The two namespaces, the processes in them, and the capturing. Sourced by record, which has WORK and the addresses.

# --- Namespaces and processes ---

# A shell sets a host name for the program, so that no name of the recording machine gets into a capture. Every step
# execs the next: the pid of a background command is the program's own.
inside() { printf '%s\n' ip netns exec "$1" unshare --uts sh -c "hostname $2; exec \"\$@\"" sh; }
mapfile -t IN_CLIENT < <(inside "$CLIENT_NS" client.example.org)
mapfile -t IN_SERVER < <(inside "$SERVER_NS" mail.example.org)
in_client() { "${IN_CLIENT[@]}" "$@"; }

spawn() { # NAME COMMAND...: in the background, its output in NAME.log
  "${@:2}" >"$WORK/$1.log" 2>&1 </dev/null &
  PIDS+=($!)
}

# Ends one process we started and waits for it; the wait is bounded, then it is killed.
end() {
  local pid=$1 signal=${2:-TERM} tries=50
  kill -s "$signal" "$pid" 2>/dev/null || true
  while kill -0 "$pid" 2>/dev/null && ((tries-- > 0)); do sleep 0.1; done
  kill -s KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}

# wait_for SECONDS COMMAND...
wait_for() {
  local tries=$(($1 * 20))
  shift
  until "$@"; do
    ((tries-- > 0)) || die "gave up waiting for: $*"
    sleep 0.05
  done
}

# Asks the kernel and not the port: a trial connection would show in the capture.
listening() { ip netns exec "$SERVER_NS" ss -Hln "--$1" "sport = :$2" | grep -q .; }
wait_listening() { wait_for 10 listening "$1" "$2"; }

# prepare_end NAMESPACE NO-IPV6: everything that must be set before there is a device to inherit it. No router
# solicitations, address generation or duplicate detection: only what a scenario does is on the link.
prepare_end() {
  ip netns add "$1"
  ip -n "$1" link set lo up
  ip netns exec "$1" sysctl -qw net.ipv6.conf.default.accept_ra=0 net.ipv6.conf.default.accept_dad=0 \
    net.ipv6.conf.default.addr_gen_mode=1 net.ipv6.conf.default.router_solicitations=0 \
    net.ipv6.conf.default.mldv2_unsolicited_report_interval=10 "net.ipv6.conf.default.disable_ipv6=$2"
}

# attach_end NAMESPACE MAC ADDRESS...: without offloads, frames are as a wire carries them, with whole checksums.
attach_end() {
  local namespace=$1 address
  ip -n "$1" link set eth0 address "$2"
  ip netns exec "$1" ethtool -K eth0 gro off gso off tso off tx off rx off rxvlan off txvlan off \
    tx-vlan-stag-hw-insert off >/dev/null
  ip -n "$1" link set eth0 up
  shift 2
  for address in "$@"; do ip -n "$namespace" address add "$address" dev eth0; done
}

# net_up [v6]: the two namespaces afresh, so that a scenario does not depend on which ran before it.
net_up() {
  local no_ipv6=1 six=''
  if [[ ${1:-} == v6 ]]; then no_ipv6=0 six=yes; fi
  prepare_end "$CLIENT_NS" $no_ipv6
  prepare_end "$SERVER_NS" $no_ipv6
  ip -n "$CLIENT_NS" link add eth0 type veth peer name eth0 netns "$SERVER_NS"
  attach_end "$CLIENT_NS" 02:00:00:00:00:10 "$CLIENT/24" "$CLIENT2/24" ${six:+"$CLIENT6/64"}
  attach_end "$SERVER_NS" 02:00:00:00:00:20 "$SERVER/24" "$INSTAGRAM/24" "$YOUTUBE/24" "$WHATSAPP/24" "$NETFLIX/24" \
    ${six:+"$SERVER6/64"}
  sleep 0.5 # multicast memberships are announced now and not in the capture
}

net_down() {
  local pid namespace
  for pid in ${CAPTURES[@]+"${CAPTURES[@]}"} ${PIDS[@]+"${PIDS[@]}"}; do end "$pid"; done
  CAPTURES=() PIDS=()
  for namespace in "$CLIENT_NS" "$SERVER_NS"; do
    [[ ! -e /run/netns/$namespace ]] || ip netns delete "$namespace"
  done
}

# --- Capturing ---

# capture FILE [DEVICE [TCPDUMP-OPTION...]]: starts one, in the server namespace. On some devices every place in the
# buffer is as large as the longest packet, so that the usual buffer would have only eight.
capture() {
  local file=$1 device=${2:-eth0}
  shift $(($# < 2 ? $# : 2))
  ip netns exec "$SERVER_NS" tcpdump -Z root -n -U -s 65535 -B 16384 --immediate-mode -i "$device" "$@" \
    -w "$WORK/$file" 2>"$WORK/$file.log" &
  CAPTURES+=($!)
  wait_for 10 grep -qs 'listening on' "$WORK/$file.log"
}

# Ends the captures and, when all went well, puts them in place.
capture_end() {
  local pid file
  sleep 0.5 # closing segments of the last connection
  for pid in "${CAPTURES[@]}"; do end "$pid" INT; done
  CAPTURES=()
  for file in "$WORK"/*.pcap; do
    grep -q '^0 packets dropped by kernel' "$file.log" || die "${file##*/} lost packets: $(cat "$file.log")"
    mv "$file" "$HERE/"
    say "${file##*/}: $(tcpdump -n -r "$HERE/${file##*/}" 2>/dev/null | wc -l) packets"
  done
}

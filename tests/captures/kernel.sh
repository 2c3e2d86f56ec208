# shellcheck shell=bash
# What a recording needs of the machine: packages, and a kernel with VLANs, tunnels and netem. Sourced by record.

install_packages() { # PACKAGE...
  local package missing=() policy=/usr/sbin/policy-rc.d
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  say "installing ${missing[*]}"
  # 101 forbids the packages to start their services.
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    MADE_POLICY=$policy
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$WORK/apt.log" 2>&1 ||
    die "installation failed: $(tail -n 5 "$WORK/apt.log")"
}

# Whether the running kernel has the VLANs, tunnels and netem of the scenarios that need them.
kernel_has_devices() {
  local kind result=0
  net_up
  ip -n "$CLIENT_NS" link add link eth0 name vlan1 type vlan id 1 2>/dev/null || result=1
  for kind in ipip sit gre vxlan geneve; do add_tunnel "$kind" 2>/dev/null || result=1; done
  tc -n "$CLIENT_NS" qdisc add dev eth0 root netem delay 1ms 2>/dev/null || result=1
  net_down
  return $result
}

# A small kernel, such as a cloud machine's, may lack them: then Debian's own, run as a process, has them all.
record_in_guest() { # SCENARIO...
  say "this kernel lacks VLANs, tunnels or netem: recording $* in User-Mode Linux"
  install_packages user-mode-linux kmod
  spawn guest timeout 300 linux.uml root=none rootfstype=hostfs rootflags=/ rw mem=256M uml_dir="$WORK" quiet \
    con=null con0=null,fd:1 init="$HERE/guest-init" RECORD_STATUS="$WORK/status" \
    RECORD_SCENARIOS="$(IFS=,; echo "$*")"
  wait "${PIDS[-1]}" || true
  grep -a '^record:\|^guest:' "$WORK/guest.log" >&2 || true
  [[ $(cat "$WORK/status" 2>/dev/null) == 0 ]] || die "the guest failed: $(tail -n 20 "$WORK/guest.log")"
}

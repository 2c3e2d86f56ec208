// The headers of tunnels. To add a tunnel, see decode/tunnel_names.h.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "config/config.h"
#include "decode/step.h"

namespace spanflow {

// A tunnel over UDP. Some tunnels use a hash of the inner flow as source port, so only the destination port identifies
// them.
struct UdpTunnel {
  enum class Ports : std::uint8_t { kEither, kDestination };
  TunnelType type;
  std::uint16_t port;  // one of the usual ports
  Ports ports;
  Step (*header)(TunnelSet, Cursor&);
};

// All tunnels over UDP, one row for each usual port.
std::span<const UdpTunnel> udp_tunnels();

// Finds the tunnel of a UDP packet by its ports. Immutable after construction.
class UdpTunnelPorts {
 public:
  // `ports` replaces the usual ports of some tunnels.
  UdpTunnelPorts(TunnelSet tunnels, const TunnelPorts& ports);

  // Returns nullptr if the packet is not from a tunnel.
  const UdpTunnel* find(std::uint16_t src_port, std::uint16_t dst_port) const {
    if (!has_low_octet_[dst_port & 0xff] && !has_low_octet_[src_port & 0xff]) [[likely]]
      return nullptr;
    if (const UdpTunnel* tunnel = of_port(dst_port)) return tunnel;
    const UdpTunnel* tunnel = of_port(src_port);
    return tunnel != nullptr && tunnel->ports == UdpTunnel::Ports::kEither ? tunnel : nullptr;
  }

 private:
  const UdpTunnel* of_port(std::uint16_t port) const {
    for (const UdpTunnel& tunnel : tunnels_) {
      if (tunnel.port == port) return &tunnel;
    }
    return nullptr;
  }

  std::array<bool, 256> has_low_octet_{};  // true: the port of a tunnel has this lower octet
  std::vector<UdpTunnel> tunnels_;
};

// Decodes the header of a tunnel directly over IP, by its protocol number. Returns kDone if it is none, or if the
// octets cannot be read as such a tunnel. The outer packet is then metered.
Step ip_tunnel(std::uint32_t ip_protocol, TunnelSet tunnels, Cursor& cursor);

}  // namespace spanflow

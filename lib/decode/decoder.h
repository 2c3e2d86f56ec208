// Reads a frame from its link layer to its transport layer, through shims (see shims.h) and tunnels.
#pragma once

#include <cstdint>

#include "config/config.h"
#include "decode/link_types.h"
#include "decode/packet.h"
#include "decode/step.h"
#include "decode/tunnels.h"
#include "telemetry/counters.h"

namespace spanflow {

// Immutable after construction, so threads may share a Decoder.
class Decoder {
 public:
  // kStay: a packet whose outer packet is the first fragment of a datagram belongs to the outer flow, as later
  // fragments do. kEnter: it belongs to the inner flow, if there is a tunnel.
  enum class AtFragments : std::uint8_t { kStay, kEnter };

  // `ports` replaces the usual ports of tunnels.
  Decoder(TunnelSet tunnels, VlanKey vlan_key, const TunnelPorts& ports = {},
          AtFragments at_fragments = AtFragments::kEnter)
      : tunnels_(tunnels),
        vlan_key_(vlan_key),
        udp_tunnels_(tunnels, ports),
        enters_fragments_(at_fragments == AtFragments::kEnter) {}

  // Fills in `packet` and returns kPacketsMetered. If the packet cannot be metered, returns the counter for the reason.
  // If the inner packet of a tunnel cannot be read, the outer packet is metered.
  Counter decode(const RawPacket& raw, LinkType link_type, Packet& packet) const;

 private:
  Step follow(Step step, Cursor& cursor, Packet& packet) const;
  Step next(const Step& step, Cursor& cursor, Packet& packet) const;
  Step ethernet(Cursor& cursor, Packet& packet) const;
  Step llc(Cursor& cursor, Packet& packet) const;
  Step ether_type(std::uint32_t type, Cursor& cursor, Packet& packet) const;
  static std::uint32_t after_tags(std::uint32_t type, Cursor& cursor, Packet& packet);
  Step other_ether_type(std::uint32_t type, Cursor& cursor, Packet& packet) const;
  static Step ppp(Cursor& cursor);
  Step ip(Cursor& cursor, Packet& packet) const;
  static bool take_length(std::uint32_t total, Cursor& cursor, Packet& packet);
  Step ipv4(Cursor& cursor, Packet& packet) const;
  Step ipv6(Cursor& cursor, Packet& packet) const;
  Step transport(std::uint32_t protocol, Cursor& cursor, Packet& packet) const;
  static Step tcp(Cursor& cursor, Packet& packet);
  Step udp(Cursor& cursor, Packet& packet) const;
  bool stays_at(const Packet& packet) const { return packet.first_fragment && !enters_fragments_; }

  TunnelSet tunnels_;
  VlanKey vlan_key_;
  UdpTunnelPorts udp_tunnels_;
  bool enters_fragments_;
};

}  // namespace spanflow

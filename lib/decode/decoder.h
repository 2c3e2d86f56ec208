// Reads a frame from its link layer to its transport layer, through VLAN tags, MPLS labels, PPP and tunnels.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "config/config.h"
#include "decode/cursor.h"
#include "decode/packet.h"
#include "telemetry/counters.h"

namespace spanflow {

enum class LinkType : std::uint8_t { kEthernet, kRawIp, kNull, kLoop, kLinuxCooked, kLinuxCooked2, kPpp };

// Returns the link type for a LINKTYPE_ / DLT_ number of the pcap formats, or std::nullopt if it is not supported.
std::optional<LinkType> link_type_from_pcap(int number);

// Immutable after construction, so threads may share a Decoder.
class Decoder {
 public:
  Decoder(TunnelSet tunnels, VlanKey vlan_key) : tunnels_(tunnels), vlan_key_(vlan_key) {}

  // Fills in `packet` and returns kPacketsMetered. If the packet cannot be metered, returns the counter for the reason.
  // If the inner packet of a tunnel cannot be read, the outer packet is metered.
  Counter decode(const RawPacket& raw, LinkType link_type, Packet& packet) const;

 private:
  struct UdpTunnels;
  enum class Layer : std::uint8_t { kEthernet, kEtherType, kPpp, kIp, kDone, kFailed };
  // The result of one decoding step.
  struct Step {
    Layer layer;
    Counter reason = Counter::kPacketsMetered;  // for kFailed: why the packet cannot be metered
    std::uint16_t type = 0;                     // for kEtherType: the next EtherType
    TunnelType tunnel = TunnelType::kNone;      // set by the step that enters a tunnel
    std::uint32_t tunnel_key = 0;
    std::uint32_t tunnel_id = 0;
  };
  static_assert(sizeof(Step) <= 16);  // small enough to be returned in registers
  static Step failed(Counter reason) { return {Layer::kFailed, reason}; }

  Step follow(Step step, Cursor& cursor, Packet& packet) const;
  Step next(const Step& step, Cursor& cursor, Packet& packet) const;
  Step link(LinkType link_type, Cursor& cursor, Packet& packet) const;
  Step ethernet(Cursor& cursor, Packet& packet) const;
  Step ether_type(std::uint32_t type, Cursor& cursor, Packet& packet) const;
  Step mpls(Cursor& cursor) const;
  Step ppp(Cursor& cursor) const;
  Step ip(Cursor& cursor, Packet& packet) const;
  static bool take_length(std::uint32_t total, Cursor& cursor, Packet& packet);
  Step ipv4(Cursor& cursor, Packet& packet) const;
  Step ipv6(Cursor& cursor, Packet& packet) const;
  Step transport(std::uint32_t protocol, Cursor& cursor, Packet& packet) const;
  Step tcp(Cursor& cursor, Packet& packet) const;
  Step udp(Cursor& cursor, Packet& packet) const;
  Step gre(Cursor& cursor) const;
  Step inside_gre(std::uint16_t type, std::uint32_t header, bool has_sequence, std::uint32_t key, Cursor& cursor) const;
  Step udp_tunnel(const FlowKey& outer, Cursor& cursor) const;
  static Step enter(Cursor& cursor, std::uint32_t header, const Step& inside);

  TunnelSet tunnels_;
  VlanKey vlan_key_;
};

}  // namespace spanflow

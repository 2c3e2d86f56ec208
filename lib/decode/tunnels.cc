// The steps that decode tunnels. Each step reads a tunnel header and returns the layer inside the tunnel. A step
// returns kDone if the octets are not such a tunnel or if the tunnel is encrypted. The outer packet is then metered.
// Fragments of an outer packet never reach these steps, because fragments belong to the outer flow.
#include <array>

#include "decode/decoder.h"

namespace spanflow {

// GRE (RFC 2784, RFC 2890) and ERSPAN. draft-foschiano-erspan describes types I and II of ERSPAN, and a later version
// of this draft describes type III.
Decoder::Step Decoder::gre(Cursor& cursor) const {
  if (!cursor.has(4) || (cursor.be16(0) & 0x0007) != 0) return {Layer::kDone};  // PPTP uses version 1
  const std::uint32_t flags = cursor.be16(0);
  const std::uint16_t type = cursor.be16(2);
  const bool has_checksum = (flags & 0x8000) != 0;
  const bool has_key = (flags & 0x2000) != 0;
  const bool has_sequence = (flags & 0x1000) != 0;
  const std::uint32_t key_offset = has_checksum ? 8 : 4;
  const std::uint32_t header = key_offset + (has_key ? 4 : 0) + (has_sequence ? 4 : 0);
  if (!cursor.has(header)) return {Layer::kDone};
  const std::uint32_t key = has_key ? cursor.be32(key_offset) : 0;
  return inside_gre(type, header, has_sequence, key, cursor);
}

Decoder::Step Decoder::inside_gre(std::uint16_t type, std::uint32_t header, bool has_sequence, std::uint32_t key,
                                  Cursor& cursor) const {
  constexpr std::uint32_t kErspan1And2 = 0x88be;
  constexpr std::uint32_t kErspan3 = 0x22eb;
  if (type != kErspan1And2 && type != kErspan3) {
    if (!tunnels_.has(TunnelType::kGre)) return {Layer::kDone};
    return enter(cursor, header,
                 {.layer = Layer::kEtherType, .type = type, .tunnel = TunnelType::kGre, .tunnel_id = key});
  }
  if (!tunnels_.has(TunnelType::kErspan)) return {Layer::kDone};
  // ERSPAN type I has no ERSPAN header and no GRE sequence number. Types II and III have a session id of 10 bits.
  std::uint32_t erspan_header = 0;
  if (type == kErspan3) erspan_header = 12;
  if (type == kErspan1And2 && has_sequence) erspan_header = 8;
  if (!cursor.has(header + erspan_header)) return {Layer::kDone};
  const std::uint32_t session = erspan_header != 0 ? cursor.be16(header + 2) & 0x03ffU : 0;
  if (type == kErspan3 && (cursor.u8(header + 11) & 1) != 0) erspan_header += 8;  // a platform-specific subheader
  return enter(cursor, header + erspan_header,
               {.layer = Layer::kEthernet, .tunnel = TunnelType::kErspan, .tunnel_id = session});
}

// The tunnels over UDP, and the ports that identify them.
struct Decoder::UdpTunnels {
  static Step gtp(Cursor& cursor);
  static Step capwap(Cursor& cursor);
  static Step ieee80211(Cursor& cursor);
  static Step vxlan(Cursor& cursor);
  static Step geneve(Cursor& cursor);

  // The source port of VXLAN and Geneve is a hash of the inner flow, so only the destination port identifies these
  // tunnels.
  enum class Ports : std::uint8_t { kEither, kDestination };
  struct Row {
    TunnelType type;
    std::uint16_t port;
    Ports ports;
    Step (*step)(Cursor& cursor);
  };
  static constexpr auto rows() {
    return std::to_array<Row>({{TunnelType::kGtp, 2152, Ports::kEither, gtp},
                               {TunnelType::kCapwap, 5247, Ports::kEither, capwap},
                               {TunnelType::kVxlan, 4789, Ports::kDestination, vxlan},
                               {TunnelType::kVxlan, 8472, Ports::kDestination, vxlan},  // default port of Linux
                               {TunnelType::kGeneve, 6081, Ports::kDestination, geneve}});
  }
};

Decoder::Step Decoder::udp_tunnel(const FlowKey& outer, Cursor& cursor) const {
  static constexpr auto kRows = UdpTunnels::rows();
  for (const UdpTunnels::Row& row : kRows) {
    const bool matches =
        outer.dst_port == row.port || (row.ports == UdpTunnels::Ports::kEither && outer.src_port == row.port);
    if (matches && tunnels_.has(row.type)) return row.step(cursor);
  }
  return {Layer::kDone};
}

// GTP-U version 1 (3GPP TS 29.281). Only T-PDUs carry a user's packet.
Decoder::Step Decoder::UdpTunnels::gtp(Cursor& cursor) {
  constexpr std::uint8_t kTPdu = 0xff;
  if (!cursor.has(8) || (cursor.u8(0) & 0xf0) != 0x30 || cursor.u8(1) != kTPdu) return {Layer::kDone};
  const std::uint32_t teid = cursor.be32(4);
  std::uint32_t header = 8;
  if ((cursor.u8(0) & 0x07) != 0) {  // 4 octets follow: sequence number, N-PDU number, type of the next extension
    if (!cursor.has(12)) return {Layer::kDone};
    header = 12;
    for (std::uint8_t extension = cursor.u8(11); extension != 0;) {
      if (!cursor.has(header + 1) || cursor.u8(header) == 0) return {Layer::kDone};
      header += cursor.u8(header) * 4U;
      if (!cursor.has(header)) return {Layer::kDone};
      extension = cursor.u8(header - 1);
    }
  }
  return enter(cursor, header, {.layer = Layer::kIp, .tunnel = TunnelType::kGtp, .tunnel_id = teid});
}

// The data channel of CAPWAP (RFC 5415): IEEE 802.3 frames, or IEEE 802.11 frames (RFC 5416) with LLC/SNAP inside.
Decoder::Step Decoder::UdpTunnels::capwap(Cursor& cursor) {
  if (!cursor.has(8) || cursor.u8(0) != 0) return {Layer::kDone};  // a preamble of 1 means DTLS
  const std::uint32_t word = cursor.be32(0);
  const std::uint32_t header = ((word >> 19) & 0x1f) * 4;
  const bool native_frame = (word & 0x100) != 0;
  const bool fragment = (word & 0x80) != 0;
  if (fragment || header < 8 || !cursor.has(header)) return {Layer::kDone};
  if (!native_frame) return enter(cursor, header, {.layer = Layer::kEthernet, .tunnel = TunnelType::kCapwap});
  cursor.skip(header);
  return ieee80211(cursor);
}

Decoder::Step Decoder::UdpTunnels::ieee80211(Cursor& cursor) {
  if (!cursor.has(24)) return {Layer::kDone};
  // Some access points swap the two octets of the frame control field.
  const bool swapped = (cursor.u8(0) & 0x0c) != 0x08;
  const std::uint8_t type = cursor.u8(swapped ? 1 : 0);
  const std::uint8_t flags = cursor.u8(swapped ? 0 : 1);
  constexpr std::uint8_t kProtected = 0x40;
  const bool is_data = (type & 0x0c) == 0x08;
  const bool has_no_body = (type & 0x40) != 0;
  if (!is_data || has_no_body || (flags & kProtected) != 0) return {Layer::kDone};
  std::uint32_t header = 24;
  if ((flags & 0x03) == 0x03) header += 6;  // a frame with four addresses
  if ((type & 0x80) != 0) header += 2;      // a QoS control field follows
  if (!cursor.has(header + 8) || cursor.be32(header) != 0xaaaa0300) return {Layer::kDone};
  const std::uint16_t ether_type = cursor.be16(header + 6);
  return enter(cursor, header + 8, {.layer = Layer::kEtherType, .type = ether_type, .tunnel = TunnelType::kCapwap});
}

// VXLAN (RFC 7348).
Decoder::Step Decoder::UdpTunnels::vxlan(Cursor& cursor) {
  if (!cursor.has(8) || (cursor.u8(0) & 0x08) == 0) return {Layer::kDone};
  const std::uint32_t vni = cursor.be32(4) >> 8;
  return enter(cursor, 8, {.layer = Layer::kEthernet, .tunnel = TunnelType::kVxlan, .tunnel_key = vni});
}

// Geneve (RFC 8926).
Decoder::Step Decoder::UdpTunnels::geneve(Cursor& cursor) {
  if (!cursor.has(8) || (cursor.u8(0) & 0xc0) != 0) return {Layer::kDone};
  const std::uint32_t header = 8 + (cursor.u8(0) & 0x3f) * 4U;
  const std::uint16_t type = cursor.be16(2);
  const std::uint32_t vni = cursor.be32(4) >> 8;
  if (!cursor.has(header)) return {Layer::kDone};
  return enter(cursor, header,
               {.layer = Layer::kEtherType, .type = type, .tunnel = TunnelType::kGeneve, .tunnel_key = vni});
}

Decoder::Step Decoder::enter(Cursor& cursor, std::uint32_t header, const Step& inside) {
  if (!cursor.has(header)) return {Layer::kDone};
  cursor.skip(header);
  return inside;
}

}  // namespace spanflow

#include "decode/decoder.h"

namespace spanflow {
namespace {

// Enough steps for QinQ + MPLS + GTP-U + IPv6 + IP in IP. The limit stops packets that an attacker nests endlessly.
constexpr int kMaxSteps = 8;
constexpr int kMaxIpv6Extensions = 8;

namespace ether_types {
constexpr std::uint32_t kIpv4 = 0x0800;
constexpr std::uint32_t kIpv6 = 0x86dd;
constexpr std::uint32_t kTransparentBridging = 0x6558;
constexpr std::uint32_t kMplsUnicast = 0x8847;
constexpr std::uint32_t kMplsMulticast = 0x8848;
constexpr std::uint32_t kPppoeSession = 0x8864;
constexpr std::uint32_t kFirst = 0x0600;  // a smaller value is the length of an IEEE 802.3 frame
}  // namespace ether_types

// Called for an unknown EtherType, which may be damaged or private. True if an IPv4 header without options follows and
// its length field is plausible. The length must equal the rest of the frame, or may be less in a frame that is padded
// to Ethernet's minimum.
bool holds_ipv4(const Cursor& cursor) {
  constexpr std::uint32_t kLeastPayload = 46;
  if (!cursor.has(20) || cursor.u8(0) != 0x45) return false;
  const std::uint32_t length = cursor.be16(2);
  return length == cursor.wire() || (length >= 20 && length < cursor.wire() && cursor.wire() <= kLeastPayload);
}

bool is_vlan_tag(std::uint32_t type) { return type == 0x8100 || type == 0x88a8 || type == 0x9100; }

bool is_ipv6_extension(std::uint32_t protocol) {
  switch (protocol) {
    case 0:    // hop-by-hop options
    case 43:   // routing
    case 44:   // fragment
    case 51:   // authentication header
    case 60:   // destination options
    case 135:  // mobility
    case 139:  // HIP
    case 140:  // shim6
      return true;
    default:
      return false;
  }
}

// Starts the inner packet of a tunnel. Copies the properties of the frame; the decoder reads all other fields from the
// inner headers.
Packet inside_tunnel(const Packet& outer, TunnelType tunnel, std::uint32_t tunnel_key, std::uint32_t tunnel_id) {
  Packet inner;
  inner.time_ns = outer.time_ns;
  inner.size = outer.size;
  inner.ethernet = outer.ethernet;
  inner.sliced = outer.sliced;
  inner.odd_ether_type = outer.odd_ether_type;
  inner.vlan_id = outer.vlan_id;
  inner.vlan_outer_id = outer.vlan_outer_id;
  inner.key.tunnel_type = tunnel;
  inner.key.tunnel_key = tunnel_key;
  inner.tunnel_id = tunnel_id;
  return inner;
}

void note_fragment(Packet& packet, bool later, std::uint32_t id) {
  packet.later_fragment = later;
  packet.first_fragment = !later;
  packet.fragment_id = id;
}

void select_vlan_key(Packet& packet, VlanKey choice) {
  const std::uint16_t outermost = packet.vlan_outer_id != 0 ? packet.vlan_outer_id : packet.vlan_id;
  if (choice == VlanKey::kOuter) packet.key.vlan_key_outer = outermost;
  if (choice == VlanKey::kInner || choice == VlanKey::kBoth) packet.key.vlan_key_inner = packet.vlan_id;
  if (choice == VlanKey::kBoth) packet.key.vlan_key_outer = packet.vlan_outer_id;
}

}  // namespace

std::optional<LinkType> link_type_from_pcap(int number) {
  switch (number) {
    case 1:
      return LinkType::kEthernet;
    case 0:
      return LinkType::kNull;
    case 108:
      return LinkType::kLoop;
    case 9:
    case 50:
      return LinkType::kPpp;
    case 12:   // DLT_RAW on most systems
    case 14:   // DLT_RAW on OpenBSD
    case 101:  // LINKTYPE_RAW
    case 228:  // LINKTYPE_IPV4
    case 229:  // LINKTYPE_IPV6
      return LinkType::kRawIp;
    case 113:
      return LinkType::kLinuxCooked;
    case 276:
      return LinkType::kLinuxCooked2;
    default:
      return std::nullopt;
  }
}

Counter Decoder::decode(const RawPacket& raw, LinkType link_type, Packet& packet) const {
  packet = Packet{};
  packet.time_ns = raw.time_ns;
  packet.size = raw.wire;
  if (link_type == LinkType::kEthernet && raw.captured >= 14) packet.ethernet = raw.data;
  Cursor cursor{raw.data, raw.captured, raw.wire};
  Step step = link(link_type, cursor, packet);
  if (step.layer != Layer::kDone) [[unlikely]] {
    step = follow(step, cursor, packet);
    if (step.layer != Layer::kDone) return step.layer == Layer::kFailed ? step.reason : Counter::kMalformedNesting;
  }
  select_vlan_key(packet, vlan_key_);
  return Counter::kPacketsMetered;
}

// Decodes the layers that a plain frame does not have, such as tunnels.
Decoder::Step Decoder::follow(Step step, Cursor& cursor, Packet& packet) const {
  std::optional<Packet> outer;
  for (int steps = 0; steps < kMaxSteps; ++steps) {
    if (step.tunnel != TunnelType::kNone) {
      outer = packet;
      packet = inside_tunnel(packet, step.tunnel, step.tunnel_key, step.tunnel_id);
    }
    if (step.layer == Layer::kDone || step.layer == Layer::kFailed) break;
    step = next(step, cursor, packet);
  }
  if (step.layer == Layer::kDone || !outer) return step;
  packet = *outer;
  return {Layer::kDone};
}

Decoder::Step Decoder::next(const Step& step, Cursor& cursor, Packet& packet) const {
  switch (step.layer) {
    case Layer::kEthernet:
      return ethernet(cursor, packet);
    case Layer::kEtherType:
      return ether_type(step.type, cursor, packet);
    case Layer::kPpp:
      return ppp(cursor);
    case Layer::kIp:
      return ip(cursor, packet);
    case Layer::kDone:
    case Layer::kFailed:
      break;
  }
  return step;
}

[[gnu::always_inline]] inline Decoder::Step Decoder::link(LinkType link_type, Cursor& cursor, Packet& packet) const {
  const auto after = [&cursor](std::size_t header, std::size_t type_offset) -> Step {
    if (!cursor.has(header)) return failed(Counter::kMalformedLink);
    const std::uint16_t type = cursor.be16(type_offset);
    cursor.skip(header);
    return {.layer = Layer::kEtherType, .type = type};
  };
  switch (link_type) {
    case LinkType::kEthernet:
      return ethernet(cursor, packet);
    case LinkType::kLinuxCooked:
      return after(16, 14);
    case LinkType::kLinuxCooked2:
      return after(20, 0);
    case LinkType::kPpp:
      return {Layer::kPpp};
    case LinkType::kRawIp:
      return {Layer::kIp};
    case LinkType::kNull:
    case LinkType::kLoop:
      // The address family in this header depends on the operating system and its byte order. The decoder does not need
      // the family, because the IP version follows.
      if (!cursor.has(4)) return failed(Counter::kMalformedLink);
      cursor.skip(4);
      return {Layer::kIp};
  }
  return failed(Counter::kMalformedLink);
}

[[gnu::always_inline]] inline Decoder::Step Decoder::ethernet(Cursor& cursor, Packet& packet) const {
  if (!cursor.has(14)) return failed(Counter::kMalformedLink);
  std::uint16_t type = cursor.be16(12);
  cursor.skip(14);
  if (type >= ether_types::kFirst) return ether_type(type, cursor, packet);
  // IEEE 802.3: only LLC/SNAP (AA AA 03 00 00 00 type) can carry IP.
  if (!cursor.has(8) || cursor.be32(0) != 0xaaaa0300) return failed(Counter::kIgnoredNotIp);
  cursor.limit(type);
  type = cursor.has(8) ? cursor.be16(6) : 0;
  if (type == 0) return failed(Counter::kIgnoredNotIp);
  cursor.skip(8);
  return ether_type(type, cursor, packet);
}

[[gnu::always_inline]] inline Decoder::Step Decoder::ether_type(std::uint32_t type, Cursor& cursor,
                                                                Packet& packet) const {
  // VLAN tags inside a tunnel do not replace the tags of the frame.
  const bool first_tags = packet.vlan_id == 0;
  int tags = 0;
  for (; is_vlan_tag(type); ++tags) {
    if (!cursor.has(4)) return failed(Counter::kMalformedLink);
    const auto id = static_cast<std::uint16_t>(cursor.be16(0) & 0x0fff);
    if (first_tags) {
      if (tags == 1) packet.vlan_outer_id = packet.vlan_id;
      packet.vlan_id = id;
    }
    type = cursor.be16(2);
    cursor.skip(4);
  }
  switch (type) {
    case ether_types::kIpv4:
    case ether_types::kIpv6:
      return ip(cursor, packet);
    case ether_types::kTransparentBridging:
      return {Layer::kEthernet};
    case ether_types::kMplsUnicast:
    case ether_types::kMplsMulticast:
      return mpls(cursor);
    case ether_types::kPppoeSession:
      if (!cursor.has(6)) return failed(Counter::kMalformedLink);
      cursor.skip(6);
      return {Layer::kPpp};
    default:
      if (!holds_ipv4(cursor)) return failed(Counter::kIgnoredNotIp);
      packet.odd_ether_type = true;
      return ip(cursor, packet);
  }
}

Decoder::Step Decoder::mpls(Cursor& cursor) const {
  for (bool bottom = false; !bottom;) {
    if (!cursor.has(4)) return failed(Counter::kMalformedLink);
    bottom = (cursor.be32(0) & 0x100) != 0;
    cursor.skip(4);
  }
  if (!cursor.has(1)) return failed(Counter::kMalformedLink);
  switch (cursor.u8(0) >> 4) {
    case 4:
    case 6:
      return {Layer::kIp};
    case 0:  // RFC 4385: the control word of a pseudowire; an Ethernet frame follows
      if (!cursor.has(4)) return failed(Counter::kMalformedLink);
      cursor.skip(4);
      return {Layer::kEthernet};
    default:
      return failed(Counter::kIgnoredNotIp);
  }
}

Decoder::Step Decoder::ppp(Cursor& cursor) const {
  if (cursor.has(2) && cursor.be16(0) == 0xff03) cursor.skip(2);  // address and control field of HDLC, RFC 1662
  if (!cursor.has(2)) return failed(Counter::kMalformedLink);
  // RFC 1661: if the first octet is odd, the protocol field is compressed to this single octet.
  const bool compressed = (cursor.u8(0) & 1) != 0;
  const std::uint32_t type = compressed ? cursor.u8(0) : cursor.be16(0);
  cursor.skip(compressed ? 1 : 2);
  if (type == 0x0021 || type == 0x0057) return {Layer::kIp};
  if (type == 0x0281) return mpls(cursor);
  return failed(Counter::kIgnoredNotIp);
}

[[gnu::always_inline]] inline Decoder::Step Decoder::ip(Cursor& cursor, Packet& packet) const {
  if (!cursor.has(1)) return failed(Counter::kMalformedIpHeader);
  switch (cursor.u8(0) >> 4) {
    case 4:
      return ipv4(cursor, packet);
    case 6:
      return ipv6(cursor, packet);
    default:
      return failed(Counter::kMalformedIpVersion);
  }
}

// An IP length beyond the frame means that a packet broker or ERSPAN sliced the packet on its way to this port. The
// packet still counts with its full length. Returns false if the octets cannot be an IP packet. This is the case if the
// length exceeds a jumbo frame, or if the packet is in a tunnel other than ERSPAN, because only ERSPAN slices inner
// packets.
[[gnu::always_inline]] inline bool Decoder::take_length(std::uint32_t total, Cursor& cursor, Packet& packet) {
  constexpr std::uint32_t kJumbo = 9216;
  if (total > cursor.wire()) {
    if (total > kJumbo) return false;
    if (packet.key.tunnel_type != TunnelType::kNone && packet.key.tunnel_type != TunnelType::kErspan) return false;
    packet.sliced = true;
  }
  cursor.set_length(total);
  return true;
}

[[gnu::always_inline]] inline Decoder::Step Decoder::ipv4(Cursor& cursor, Packet& packet) const {
  if (!cursor.has(20)) return failed(Counter::kMalformedIpHeader);
  const std::uint32_t header = (cursor.u8(0) & 0x0f) * 4U;
  if (header < 20 || !cursor.has(header)) return failed(Counter::kMalformedIpHeader);
  // Segmentation offload leaves the length field 0. The rest of the frame then gives the length.
  const std::uint32_t total = cursor.be16(2) != 0 ? cursor.be16(2) : cursor.wire();
  if (total < header || !take_length(total, cursor, packet)) return failed(Counter::kMalformedIpLength);
  packet.ip = cursor.data();
  packet.ip_captured = cursor.captured();
  packet.ip_size = total;
  packet.dscp = cursor.u8(1) >> 2;
  packet.ttl = cursor.u8(8);
  packet.key.ip_version = 4;
  packet.key.ip_protocol = cursor.u8(9);
  packet.key.ip_src = cursor.address(12, 4);
  packet.key.ip_dst = cursor.address(16, 4);
  constexpr std::uint16_t kMoreFragments = 0x2000;
  constexpr std::uint16_t kFragmentOffset = 0x1fff;
  if (const std::uint16_t field = cursor.be16(6); (field & (kMoreFragments | kFragmentOffset)) != 0) {
    note_fragment(packet, (field & kFragmentOffset) != 0, cursor.be16(4));
  }
  cursor.skip(header);
  return transport(packet.key.ip_protocol, cursor, packet);
}

Decoder::Step Decoder::ipv6(Cursor& cursor, Packet& packet) const {
  if (!cursor.has(40)) return failed(Counter::kMalformedIpHeader);
  // The length field is 0 in a jumbogram or after segmentation offload. The rest of the frame then gives the length.
  const std::uint32_t total = cursor.be16(4) != 0 ? 40U + cursor.be16(4) : cursor.wire();
  if (!take_length(total, cursor, packet)) return failed(Counter::kMalformedIpLength);
  packet.ip = cursor.data();
  packet.ip_captured = cursor.captured();
  packet.ip_size = total;
  packet.dscp = static_cast<std::uint8_t>(cursor.be16(0) >> 6 & 0x3f);
  packet.ttl = cursor.u8(7);
  packet.key.ip_version = 6;
  packet.key.ip_src = cursor.address(8, 16);
  packet.key.ip_dst = cursor.address(24, 16);
  std::uint32_t protocol = cursor.u8(6);
  cursor.skip(40);
  for (int extensions = 0; is_ipv6_extension(protocol) && !packet.later_fragment; ++extensions) {
    if (extensions == kMaxIpv6Extensions || !cursor.has(8)) return failed(Counter::kMalformedIpv6Extension);
    std::uint32_t length = (cursor.u8(1) + 1U) * 8;
    if (protocol == 44) {
      length = 8;
      // RFC 6946: an atomic fragment (offset 0, no more fragments) is a whole packet, not a fragment.
      if (const std::uint16_t field = cursor.be16(2); (field & 0xfff9) != 0) {
        note_fragment(packet, (field & 0xfff8) != 0, cursor.be32(4));
      }
    } else if (protocol == 51) {
      length = (cursor.u8(1) + 2U) * 4;  // RFC 4302 counts in 4-octet units
    }
    if (!cursor.has(length)) return failed(Counter::kMalformedIpv6Extension);
    protocol = cursor.u8(0);
    cursor.skip(length);
  }
  packet.key.ip_protocol = static_cast<std::uint8_t>(protocol);
  return transport(protocol, cursor, packet);
}

[[gnu::always_inline]] inline Decoder::Step Decoder::transport(std::uint32_t protocol, Cursor& cursor,
                                                               Packet& packet) const {
  packet.transport_size = packet.payload_size = cursor.wire();
  if (packet.later_fragment) return {Layer::kDone};
  switch (protocol) {
    case protocol::kTcp:
      return tcp(cursor, packet);
    case protocol::kUdp:
      return udp(cursor, packet);
    case protocol::kSctp:
      if (!cursor.has(4)) return failed(Counter::kMalformedTransport);
      packet.key.src_port = cursor.be16(0);
      packet.key.dst_port = cursor.be16(2);
      packet.payload_size = cursor.wire() > 12 ? cursor.wire() - 12 : 0;
      return {Layer::kDone};
    case protocol::kIcmp:
    case protocol::kIcmpv6:
      if (cursor.has(2)) {
        packet.icmp_type = cursor.u8(0);
        packet.icmp_code = cursor.u8(1);
      }
      packet.payload_size = cursor.wire() > 8 ? cursor.wire() - 8 : 0;
      return {Layer::kDone};
    case protocol::kIpv4:
    case protocol::kIpv6:
      if (packet.first_fragment || !tunnels_.has(TunnelType::kIpip)) return {Layer::kDone};
      return {.layer = Layer::kIp, .tunnel = TunnelType::kIpip};
    case protocol::kGre:
      if (packet.first_fragment) return {Layer::kDone};
      return gre(cursor);
    default:
      return {Layer::kDone};
  }
}

[[gnu::always_inline]] inline Decoder::Step Decoder::tcp(Cursor& cursor, Packet& packet) const {
  if (!cursor.has(4)) return failed(Counter::kMalformedTransport);
  packet.key.src_port = cursor.be16(0);
  packet.key.dst_port = cursor.be16(2);
  // A TCP segment that is shorter on the wire than a TCP header is malformed. A TCP segment still belongs to its flow
  // if the snap length or the end of a fragment cuts it, or if its header length field is wrong.
  std::uint32_t header = 20;
  if (cursor.wire() < header && !packet.first_fragment) return failed(Counter::kMalformedTransport);
  if (cursor.has(14)) {
    packet.tcp_seq = cursor.be32(4);
    packet.tcp_ack = cursor.be32(8);
    packet.tcp_flags = cursor.u8(13);
    header = std::max(header, (cursor.u8(12) >> 4) * 4U);
  }
  if (cursor.has(16)) {
    packet.tcp_window = cursor.be16(14);
    packet.has_tcp_window = true;
  }
  packet.payload_size = cursor.wire() > header ? cursor.wire() - header : 0;
  return {Layer::kDone};
}

[[gnu::always_inline]] inline Decoder::Step Decoder::udp(Cursor& cursor, Packet& packet) const {
  if (!cursor.has(4)) return failed(Counter::kMalformedTransport);
  packet.key.src_port = cursor.be16(0);
  packet.key.dst_port = cursor.be16(2);
  packet.payload_size = cursor.wire() > 8 ? cursor.wire() - 8 : 0;
  if (packet.first_fragment || tunnels_.empty() || !cursor.has(8)) return {Layer::kDone};
  cursor.skip(8);
  return udp_tunnel(packet.key, cursor);
}

}  // namespace spanflow

#include "decode/decoder.h"

#include <optional>

#include "decode/shims.h"

namespace spanflow {
namespace {

// Enough steps for QinQ + MPLS + GTP-U + IPv6 + IP in IP. The limit stops packets that an attacker nests endlessly.
constexpr int kMaxSteps = 8;
constexpr int kMaxIpv6Extensions = 8;
constexpr std::uint32_t kCutTag = 0x10000;  // in place of an EtherType: a VLAN tag was not captured as a whole

// Called for an unknown EtherType, which may be damaged or private. True if an IPv4 header without options follows and
// its length field is plausible. The length must equal the rest of the frame, or may be less in a frame that is padded
// to Ethernet's minimum.
bool holds_ipv4(const Cursor& cursor) {
  constexpr std::uint32_t kLeastPayload = 46;
  if (!cursor.has(20) || cursor.u8(0) != 0x45) return false;
  const std::uint32_t length = cursor.be16(2);
  return length == cursor.wire() || (length >= 20 && length < cursor.wire() && cursor.wire() <= kLeastPayload);
}

// IEEE 802.1Q, 802.1ad, and the numbers that were used for outer tags before 802.1ad.
bool is_vlan_tag(std::uint32_t type) {
  return type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200 || type == 0x9300;
}

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
  inner.behind_ns = outer.behind_ns;
  inner.size = outer.size;
  inner.ethernet = outer.ethernet;
  inner.sliced = outer.sliced;
  inner.in_fragment = outer.in_fragment || outer.first_fragment;
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

Counter Decoder::decode(const RawPacket& raw, LinkType link_type, Packet& packet) const {
  packet = Packet{};
  packet.time_ns = raw.time_ns;
  packet.behind_ns = raw.behind_ns;
  packet.size = raw.wire;
  if (link_type == LinkType::kEthernet && raw.captured >= 14) packet.ethernet = raw.data;
  Cursor cursor{raw.data, raw.captured, raw.wire};
  Step step = link_type == LinkType::kEthernet ? ethernet(cursor, packet) : first_header(link_type, cursor);
  if (step.layer != Layer::kDone) [[unlikely]] {
    step = follow(step, cursor, packet);
    if (step.layer != Layer::kDone) return step.layer == Layer::kFailed ? step.reason : Counter::kMalformedNesting;
  }
  select_vlan_key(packet, vlan_key_);
  return Counter::kPacketsMetered;
}

// Decodes the layers that a plain frame does not have, such as tunnels.
Step Decoder::follow(Step step, Cursor& cursor, Packet& packet) const {
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

Step Decoder::next(const Step& step, Cursor& cursor, Packet& packet) const {
  switch (step.layer) {
    case Layer::kEthernet:
      return ethernet(cursor, packet);
    case Layer::kLlc:
      return llc(cursor, packet);
    case Layer::kEtherType:
      return ether_type(step.type, cursor, packet);
    case Layer::kIeee80211:
      return ieee80211_header(cursor);
    case Layer::kPpp:
      return ppp(cursor);
    case Layer::kMpls:
      return mpls(cursor);
    case Layer::kNsh:
      return nsh(cursor);
    case Layer::kIp:
      return ip(cursor, packet);
    case Layer::kDone:
    case Layer::kFailed:
      break;
  }
  return step;
}

[[gnu::always_inline]] inline Step Decoder::ethernet(Cursor& cursor, Packet& packet) const {
  if (!cursor.has(14)) return failed(Counter::kMalformedLink);
  const std::uint16_t type = cursor.be16(12);
  cursor.skip(14);
  if (type >= ether_types::kFirst) return ether_type(type, cursor, packet);
  cursor.limit(type);  // IEEE 802.3 has a length in this place
  return llc(cursor, packet);
}

// IEEE 802.2. LLC/SNAP (AA AA 03, an organization and an EtherType) can carry IP if the organization is 0, or that of
// bridged Ethernet. The service access point 6 is that of IPv4.
Step Decoder::llc(Cursor& cursor, Packet& packet) const {
  constexpr std::uint32_t kSnapEthernet = 0xaaaa0300;
  constexpr std::uint32_t kSnapHeader = 8;
  if (cursor.has(kSnapHeader) && cursor.be32(0) == kSnapEthernet && cursor.u8(4) == 0 &&
      (cursor.u8(5) == 0 || cursor.u8(5) == 0xf8)) {
    const std::uint16_t type = cursor.be16(6);
    cursor.skip(kSnapHeader);
    return type < ether_types::kFirst ? failed(Counter::kIgnoredNotIp) : ether_type(type, cursor, packet);
  }
  constexpr std::uint32_t kIpHeader = 3;
  if (cursor.has(kIpHeader) && cursor.be16(0) == 0x0606 && cursor.u8(2) == 0x03) {
    cursor.skip(kIpHeader);
    return {Layer::kIp};
  }
  return failed(Counter::kIgnoredNotIp);
}

[[gnu::always_inline]] inline Step Decoder::ether_type(std::uint32_t type, Cursor& cursor, Packet& packet) const {
  if (type == ether_types::kIpv4 || type == ether_types::kIpv6) [[likely]]
    return ip(cursor, packet);
  return other_ether_type(after_tags(type, cursor, packet), cursor, packet);
}

// Reads the VLAN tags, and returns the EtherType behind them, or kCutTag.
std::uint32_t Decoder::after_tags(std::uint32_t type, Cursor& cursor, Packet& packet) {
  // VLAN tags inside a tunnel do not replace the tags of the frame.
  const bool first_tags = packet.vlan_id == 0;
  int count = 0;
  for (; is_vlan_tag(type); ++count) {
    if (!cursor.has(4)) return kCutTag;
    const auto id = static_cast<std::uint16_t>(cursor.be16(0) & 0x0fff);
    if (first_tags) {
      if (count == 1) packet.vlan_outer_id = packet.vlan_id;
      packet.vlan_id = id;
    }
    type = cursor.be16(2);
    cursor.skip(4);
  }
  return type;
}

Step Decoder::other_ether_type(std::uint32_t type, Cursor& cursor, Packet& packet) const {
  if (type == ether_types::kIpv4 || type == ether_types::kIpv6) return ip(cursor, packet);
  if (type == kCutTag) return too_short();
  if (const auto step = shim(type, cursor)) return *step;
  if (type < ether_types::kFirst) {  // a length after a VLAN tag: an IEEE 802.3 frame
    cursor.limit(type);
    return {Layer::kLlc};
  }
  if (holds_ipv4(cursor)) {
    packet.odd_ether_type = true;
    return ip(cursor, packet);
  }
  if (is_never_ip(type)) return failed(Counter::kIgnoredNotIp);
  packet.ether_type = static_cast<std::uint16_t>(type);
  return failed(Counter::kIgnoredUnknownEtherType);
}

Step Decoder::ppp(Cursor& cursor) {
  if (cursor.has(2) && cursor.be16(0) == 0xff03) cursor.skip(2);  // address and control field of HDLC, RFC 1662
  if (!cursor.has(2)) return failed(Counter::kMalformedLink);
  // RFC 1661: if the first octet is odd, the protocol field is compressed to this single octet.
  const bool compressed = (cursor.u8(0) & 1) != 0;
  const std::uint32_t type = compressed ? cursor.u8(0) : cursor.be16(0);
  cursor.skip(compressed ? 1 : 2);
  if (type == 0x0021 || type == 0x0057) return {Layer::kIp};
  if (type == 0x0281) return {Layer::kMpls};
  return failed(Counter::kIgnoredNotIp);
}

[[gnu::always_inline]] inline Step Decoder::ip(Cursor& cursor, Packet& packet) const {
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
// packets. If the outer packet is a first fragment, the rest of the inner packet is in the later ones: the frame counts
// with the octets of the whole inner packet, and the later fragments do not count.
[[gnu::always_inline]] inline bool Decoder::take_length(std::uint32_t total, Cursor& cursor, Packet& packet) {
  constexpr std::uint32_t kJumbo = 9216;
  if (total > cursor.wire() && packet.in_fragment) {
    packet.size += total - cursor.wire();
  } else if (total > cursor.wire()) {
    if (total > kJumbo) return false;
    if (packet.key.tunnel_type != TunnelType::kNone && packet.key.tunnel_type != TunnelType::kErspan) return false;
    packet.sliced = true;
  }
  cursor.set_length(total);
  return true;
}

[[gnu::always_inline]] inline Step Decoder::ipv4(Cursor& cursor, Packet& packet) const {
  if (!cursor.has(20)) return failed(Counter::kMalformedIpHeader);
  const std::uint32_t header = (cursor.u8(0) & 0x0f) * 4U;
  if (header < 20 || !cursor.has(header)) return failed(Counter::kMalformedIpHeader);
  // Segmentation offload leaves the length field 0. The rest of the frame then gives the length, but not that of a
  // packet in a fragment.
  if (cursor.be16(2) == 0 && packet.in_fragment) return failed(Counter::kMalformedIpLength);
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

Step Decoder::ipv6(Cursor& cursor, Packet& packet) const {
  if (!cursor.has(40)) return failed(Counter::kMalformedIpHeader);
  // The length field is 0 in a jumbogram or after segmentation offload. The rest of the frame then gives the length,
  // but not that of a packet in a fragment.
  if (cursor.be16(4) == 0 && packet.in_fragment) return failed(Counter::kMalformedIpLength);
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

[[gnu::always_inline]] inline Step Decoder::transport(std::uint32_t protocol, Cursor& cursor, Packet& packet) const {
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
    default:
      return stays_at(packet) ? Step{Layer::kDone} : ip_tunnel(protocol, tunnels_, cursor);
  }
}

[[gnu::always_inline]] inline Step Decoder::tcp(Cursor& cursor, Packet& packet) {
  if (!cursor.has(4)) return failed(Counter::kMalformedTransport);
  packet.key.src_port = cursor.be16(0);
  packet.key.dst_port = cursor.be16(2);
  // A TCP segment belongs to its flow even if it is shorter than a TCP header, or if its header length field is wrong.
  std::uint32_t header = 20;
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

[[gnu::always_inline]] inline Step Decoder::udp(Cursor& cursor, Packet& packet) const {
  if (!cursor.has(4)) return failed(Counter::kMalformedTransport);
  packet.key.src_port = cursor.be16(0);
  packet.key.dst_port = cursor.be16(2);
  packet.payload_size = cursor.wire() > 8 ? cursor.wire() - 8 : 0;
  const UdpTunnel* const tunnel = udp_tunnels_.find(packet.key.src_port, packet.key.dst_port);
  if (tunnel == nullptr || stays_at(packet) || !cursor.has(8)) [[likely]]
    return {Layer::kDone};
  cursor.skip(8);
  return tunnel->header(tunnels_, cursor);
}

}  // namespace spanflow

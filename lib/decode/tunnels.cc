// Each function decodes the header of a tunnel and returns the layer inside it. A function returns kDone if the octets
// are not such a tunnel or if the tunnel is encrypted. The outer packet is then metered.
#include "decode/tunnels.h"

#include <algorithm>

#include "decode/link_types.h"
#include "decode/packet.h"
#include "decode/shims.h"

namespace spanflow {
namespace {

constexpr Step kNoTunnel{Layer::kDone};

Step enter(Cursor& cursor, std::uint32_t header, const Step& inside) {
  return skip_header(cursor, header, inside, kNoTunnel);
}

// --- Over IP ---

// Enhanced GRE of PPTP (RFC 2637). The key holds the length of the payload and the call id.
Step pptp(Cursor& cursor) {
  constexpr std::uint16_t kPpp = 0x880b;
  const std::uint32_t flags = cursor.be16(0);
  const bool has_key = (flags & 0x2000) != 0;
  const bool has_sequence = (flags & 0x1000) != 0;
  const bool has_acknowledgment = (flags & 0x0080) != 0;
  if (!has_key || !has_sequence || cursor.be16(2) != kPpp || !cursor.has(8)) return kNoTunnel;
  const std::uint16_t call = cursor.be16(6);
  return enter(cursor, has_acknowledgment ? 16 : 12,
               {.layer = Layer::kPpp, .tunnel = TunnelType::kPptp, .tunnel_id = call});
}

// ERSPAN type I has no ERSPAN header and no GRE sequence number. Types II and III have a session id of 10 bits.
// draft-foschiano-erspan describes types I and II, and a later version of this draft describes type III.
Step erspan(bool is_type3, bool has_sequence, std::uint32_t gre_header, Cursor& cursor) {
  std::uint32_t header = is_type3 ? 12 : 0;
  if (!is_type3 && has_sequence) header = 8;
  if (!cursor.has(gre_header + header)) return kNoTunnel;
  const std::uint32_t session = header != 0 ? cursor.be16(gre_header + 2) & 0x03ffU : 0;
  if (is_type3 && (cursor.u8(gre_header + 11) & 1) != 0) header += 8;  // a platform-specific subheader
  return enter(cursor, gre_header + header,
               {.layer = Layer::kEthernet, .tunnel = TunnelType::kErspan, .tunnel_id = session});
}

// In version 2 of WCCP, a redirect header of 4 octets comes before the IP packet.
Step wccp(std::uint32_t gre_header, std::uint32_t key, Cursor& cursor) {
  constexpr std::uint32_t kRedirectHeader = 4;
  if (!cursor.has(gre_header)) return kNoTunnel;
  cursor.skip(gre_header);
  return enter(cursor, is_surely_ip(cursor) ? 0 : kRedirectHeader,
               {.layer = Layer::kIp, .tunnel = TunnelType::kGre, .tunnel_id = key});
}

// Returns the length of the source route entries at `offset`, which RFC 1701 allowed. An entry of length 0 ends them.
std::uint32_t routing_length(std::uint32_t offset, const Cursor& cursor) {
  constexpr std::uint32_t kEntryHeader = 4;
  std::uint32_t at = offset;
  while (cursor.has(at + kEntryHeader) && cursor.be32(at) != 0) at += kEntryHeader + cursor.u8(at + 3);
  return at + kEntryHeader - offset;
}

// GRE (RFC 2784, RFC 2890), ERSPAN, WCCP and PPTP.
Step gre(TunnelSet tunnels, Cursor& cursor) {
  constexpr std::uint16_t kErspan1And2 = 0x88be;
  constexpr std::uint16_t kErspan3 = 0x22eb;
  constexpr std::uint16_t kWccp = 0x883e;
  constexpr std::uint32_t kPptpVersion = 1;
  if (!cursor.has(4)) return kNoTunnel;
  const std::uint32_t flags = cursor.be16(0);
  const std::uint16_t type = cursor.be16(2);
  const std::uint32_t version = flags & 0x0007;
  if (version == kPptpVersion && tunnels.has(TunnelType::kPptp)) return pptp(cursor);
  if (version != 0) return kNoTunnel;
  const bool has_checksum = (flags & 0x8000) != 0;
  const bool has_routing = (flags & 0x4000) != 0;
  const bool has_key = (flags & 0x2000) != 0;
  const bool has_sequence = (flags & 0x1000) != 0;
  const std::uint32_t key_offset = has_checksum || has_routing ? 8 : 4;
  std::uint32_t header = key_offset + (has_key ? 4 : 0) + (has_sequence ? 4 : 0);
  if (has_routing) header += routing_length(header, cursor);
  if (!cursor.has(header)) return kNoTunnel;
  const std::uint32_t key = has_key ? cursor.be32(key_offset) : 0;
  if (type == kErspan1And2 || type == kErspan3) {
    return tunnels.has(TunnelType::kErspan) ? erspan(type == kErspan3, has_sequence, header, cursor) : kNoTunnel;
  }
  if (!tunnels.has(TunnelType::kGre)) return kNoTunnel;
  if (type == kWccp) return wccp(header, key, cursor);
  return enter(cursor, header,
               {.layer = Layer::kEtherType, .type = type, .tunnel = TunnelType::kGre, .tunnel_id = key});
}

Step etherip(Cursor& cursor) {  // RFC 3378
  constexpr std::uint16_t kVersion3 = 0x3000;
  if (!cursor.has(2) || cursor.be16(0) != kVersion3) return kNoTunnel;
  return enter(cursor, 2, {.layer = Layer::kEthernet, .tunnel = TunnelType::kEtherip});
}

// L2TP version 3 (RFC 3931), from the session id on. The lengths of the cookie and of the sublayer header are agreed
// upon when the session is set up, so the Ethernet frame is searched for.
Step l2tp3(Cursor& cursor) {
  if (!cursor.has(4)) return kNoTunnel;
  const std::uint32_t session = cursor.be32(0);
  if (session == 0) return kNoTunnel;  // a control message
  for (const std::uint32_t header : {4U, 8U, 12U, 16U}) {
    if (!is_surely_ethernet(cursor, header)) continue;
    return enter(cursor, header, {.layer = Layer::kEthernet, .tunnel = TunnelType::kL2tp, .tunnel_id = session});
  }
  return kNoTunnel;
}

// --- Over UDP ---

Step gre_in_udp(TunnelSet tunnels, Cursor& cursor) { return gre(tunnels, cursor); }  // RFC 8086

Step mpls_in_udp(TunnelSet, Cursor&) { return {.layer = Layer::kMpls, .tunnel = TunnelType::kMpls}; }  // RFC 7510

// GTP-U version 1 (3GPP TS 29.281). Only T-PDUs carry a user's packet.
Step gtp(TunnelSet, Cursor& cursor) {
  constexpr std::uint8_t kTPdu = 0xff;
  if (!cursor.has(8) || (cursor.u8(0) & 0xf0) != 0x30 || cursor.u8(1) != kTPdu) return kNoTunnel;
  const std::uint32_t teid = cursor.be32(4);
  std::uint32_t header = 8;
  if ((cursor.u8(0) & 0x07) != 0) {  // 4 octets follow: sequence number, N-PDU number, type of the next extension
    if (!cursor.has(12)) return kNoTunnel;
    header = 12;
    for (std::uint8_t extension = cursor.u8(11); extension != 0;) {
      if (!cursor.has(header + 1) || cursor.u8(header) == 0) return kNoTunnel;
      header += cursor.u8(header) * 4U;
      if (!cursor.has(header)) return kNoTunnel;
      extension = cursor.u8(header - 1);
    }
  }
  return enter(cursor, header, {.layer = Layer::kIp, .tunnel = TunnelType::kGtp, .tunnel_id = teid});
}

// Some access points swap the two octets of the frame control field of IEEE 802.11.
Step capwap_80211(Cursor& cursor) {
  if (!cursor.has(2)) return kNoTunnel;
  const bool swapped = (cursor.u8(0) & 0x0c) != 0x08;
  Step inside = ieee80211_header(cursor, swapped ? FrameControl::kSwapped : FrameControl::kPlain);
  if (inside.layer == Layer::kFailed) return kNoTunnel;
  inside.tunnel = TunnelType::kCapwap;
  return inside;
}

// The data channel of CAPWAP (RFC 5415): IEEE 802.3 frames, or IEEE 802.11 frames (RFC 5416) with LLC/SNAP inside.
Step capwap(TunnelSet, Cursor& cursor) {
  if (!cursor.has(8) || cursor.u8(0) != 0) return kNoTunnel;  // a preamble of 1 means DTLS
  const std::uint32_t word = cursor.be32(0);
  const std::uint32_t header = ((word >> 19) & 0x1f) * 4;
  const bool native_frame = (word & 0x100) != 0;
  const bool fragment = (word & 0x80) != 0;
  if (fragment || header < 8 || !cursor.has(header)) return kNoTunnel;
  cursor.skip(header);
  return native_frame ? capwap_80211(cursor) : Step{.layer = Layer::kEthernet, .tunnel = TunnelType::kCapwap};
}

// VXLAN (RFC 7348). A flag of VXLAN-GPE says that the header names the protocol inside.
Step vxlan(TunnelSet, Cursor& cursor) {
  constexpr std::uint8_t kHasVni = 0x08;
  constexpr std::uint8_t kHasProtocol = 0x04;
  if (!cursor.has(8) || (cursor.u8(0) & kHasVni) == 0) return kNoTunnel;
  Step inside{.layer = Layer::kEthernet, .tunnel = TunnelType::kVxlan, .tunnel_key = cursor.be32(4) >> 8};
  if ((cursor.u8(0) & kHasProtocol) != 0) {
    constexpr std::array kLayers = {Layer::kFailed,   Layer::kIp,  Layer::kIp,
                                    Layer::kEthernet, Layer::kNsh, Layer::kMpls};
    const std::uint8_t protocol = cursor.u8(3);
    if (protocol == 0 || protocol >= kLayers.size()) return kNoTunnel;
    inside.layer = kLayers[protocol];
  }
  return enter(cursor, 8, inside);
}

Step geneve(TunnelSet, Cursor& cursor) {  // RFC 8926
  if (!cursor.has(8) || (cursor.u8(0) & 0xc0) != 0) return kNoTunnel;
  const std::uint32_t header = 8 + (cursor.u8(0) & 0x3f) * 4U;
  const std::uint16_t type = cursor.be16(2);
  const std::uint32_t vni = cursor.be32(4) >> 8;
  return enter(cursor, header,
               {.layer = Layer::kEtherType, .type = type, .tunnel = TunnelType::kGeneve, .tunnel_key = vni});
}

// Teredo (RFC 4380): IPv6, after an authentication and an origin indication if they are there.
Step teredo(TunnelSet, Cursor& cursor) {
  constexpr std::uint16_t kAuthentication = 1;
  constexpr std::uint16_t kOrigin = 0;
  constexpr std::uint32_t kAuthenticationHeader = 13;
  constexpr std::uint32_t kOriginHeader = 8;
  if (!cursor.has(4)) return kNoTunnel;
  std::uint32_t header = 0;
  if (cursor.be16(0) == kAuthentication) header = kAuthenticationHeader + cursor.u8(2) + cursor.u8(3);
  if (cursor.has(header + 2) && cursor.be16(header) == kOrigin) header += kOriginHeader;
  if (!cursor.has(header + 40) || cursor.u8(header) >> 4 != 6) return kNoTunnel;
  return enter(cursor, header, {.layer = Layer::kIp, .tunnel = TunnelType::kTeredo});
}

// L2TP version 2 (RFC 2661) has PPP inside. Version 3 has the header of l2tp3() after 4 octets.
Step l2tp(TunnelSet, Cursor& cursor) {
  if (!cursor.has(8)) return kNoTunnel;
  const std::uint32_t flags = cursor.be16(0);
  const bool is_control = (flags & 0x8000) != 0;
  const std::uint32_t version = flags & 0x000f;
  if (is_control) return kNoTunnel;
  if (version == 3) {
    cursor.skip(4);
    return l2tp3(cursor);
  }
  const bool has_length = (flags & 0x4000) != 0;
  const bool has_sequence = (flags & 0x0800) != 0;
  const bool has_offset = (flags & 0x0200) != 0;
  const std::uint32_t ids = has_length ? 4 : 2;
  std::uint32_t header = ids + 4 + (has_sequence ? 4 : 0);
  if (version != 2 || !cursor.has(header + (has_offset ? 2 : 0))) return kNoTunnel;
  const std::uint32_t tunnel_and_session = cursor.be32(ids);
  if (has_offset) header += 2U + cursor.be16(header);
  return enter(cursor, header, {.layer = Layer::kPpp, .tunnel = TunnelType::kL2tp, .tunnel_id = tunnel_and_session});
}

// TZSP: a version, a type and the link type of the frame, then tags.
Step tzsp(TunnelSet, Cursor& cursor) {
  constexpr std::uint8_t kPadding = 0;
  constexpr std::uint8_t kEnd = 1;
  if (!cursor.has(5) || cursor.u8(0) != 1 || cursor.u8(1) > 1) return kNoTunnel;
  const std::uint16_t link = cursor.be16(2);
  std::uint32_t at = 4;
  while (cursor.has(at + 2) && cursor.u8(at) != kEnd) at += cursor.u8(at) == kPadding ? 1 : 2U + cursor.u8(at + 1);
  if (!cursor.has(at + 1) || cursor.u8(at) != kEnd) return kNoTunnel;
  constexpr std::uint16_t kEthernet = 1;
  constexpr std::uint16_t kIeee80211 = 18;
  if (link == kEthernet) return enter(cursor, at + 1, {.layer = Layer::kEthernet, .tunnel = TunnelType::kTzsp});
  if (link == kIeee80211) return enter(cursor, at + 1, {.layer = Layer::kIeee80211, .tunnel = TunnelType::kTzsp});
  return kNoTunnel;
}

using Ports = UdpTunnel::Ports;

constexpr std::array kUdpTunnels = {
    UdpTunnel{TunnelType::kL2tp, 1701, Ports::kEither, l2tp},
    UdpTunnel{TunnelType::kGtp, 2152, Ports::kEither, gtp},
    UdpTunnel{TunnelType::kTeredo, 3544, Ports::kEither, teredo},
    UdpTunnel{TunnelType::kGre, 4754, Ports::kDestination, gre_in_udp},
    UdpTunnel{TunnelType::kVxlan, 4789, Ports::kDestination, vxlan},
    UdpTunnel{TunnelType::kVxlan, 4790, Ports::kDestination, vxlan},  // VXLAN-GPE
    UdpTunnel{TunnelType::kVxlan, 8472, Ports::kDestination, vxlan},  // default port of Linux
    UdpTunnel{TunnelType::kCapwap, 5247, Ports::kEither, capwap},
    UdpTunnel{TunnelType::kGeneve, 6081, Ports::kDestination, geneve},
    UdpTunnel{TunnelType::kMpls, 6635, Ports::kDestination, mpls_in_udp},
    UdpTunnel{TunnelType::kTzsp, 37008, Ports::kDestination, tzsp},
};

}  // namespace

std::span<const UdpTunnel> udp_tunnels() { return kUdpTunnels; }

UdpTunnelPorts::UdpTunnelPorts(TunnelSet tunnels, const TunnelPorts& ports) {
  const auto add = [this](UdpTunnel tunnel, std::uint16_t port) {
    tunnel.port = port;
    has_low_octet_[port & 0xff] = true;
    tunnels_.push_back(tunnel);
  };
  for (const UdpTunnel& tunnel : kUdpTunnels) {
    if (tunnels.has(tunnel.type) && !ports.contains(tunnel.type)) add(tunnel, tunnel.port);
  }
  for (const auto& [type, chosen] : ports) {
    const auto tunnel = std::ranges::find(kUdpTunnels, type, &UdpTunnel::type);
    if (tunnel == kUdpTunnels.end() || !tunnels.has(type)) continue;
    for (const std::uint64_t port : chosen) add(*tunnel, static_cast<std::uint16_t>(port));
  }
}

Step ip_tunnel(std::uint32_t ip_protocol, TunnelSet tunnels, Cursor& cursor) {
  switch (ip_protocol) {
    case protocol::kIpv4:
    case protocol::kIpv6:
      return tunnels.has(TunnelType::kIpip) ? Step{.layer = Layer::kIp, .tunnel = TunnelType::kIpip} : kNoTunnel;
    case protocol::kGre:
      return gre(tunnels, cursor);
    case protocol::kEtherip:
      return tunnels.has(TunnelType::kEtherip) ? etherip(cursor) : kNoTunnel;
    case protocol::kL2tp:
      return tunnels.has(TunnelType::kL2tp) ? l2tp3(cursor) : kNoTunnel;
    case protocol::kMplsInIp:
      return tunnels.has(TunnelType::kMpls) ? Step{.layer = Layer::kMpls, .tunnel = TunnelType::kMpls} : kNoTunnel;
    default:
      return kNoTunnel;
  }
}

}  // namespace spanflow

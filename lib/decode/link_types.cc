#include "decode/link_types.h"

#include <algorithm>

namespace spanflow {
namespace {

std::uint32_t le16(const Cursor& cursor, std::size_t offset) {
  return static_cast<std::uint32_t>(cursor.u8(offset) | cursor.u8(offset + 1) << 8);
}

std::uint32_t le32(const Cursor& cursor, std::size_t offset) {
  return le16(cursor, offset) | le16(cursor, offset + 2) << 16;
}

constexpr std::uint32_t padded_to_4(std::uint32_t octets) { return (octets + 3) & ~3U; }

// --- Local networks ---

Step ethernet(Cursor&) { return {Layer::kEthernet}; }
Step llc(Cursor&) { return {Layer::kLlc}; }

// IEEE 802.5: access control, frame control, addresses, and a routing information field if the first bit of the source
// address is set.
Step token_ring(Cursor& cursor) {
  constexpr std::uint32_t kHeader = 14;
  if (!cursor.has(kHeader + 1)) return too_short();
  constexpr std::uint8_t kHasRouting = 0x80;
  const std::uint32_t routing = (cursor.u8(8) & kHasRouting) != 0 ? cursor.u8(kHeader) & 0x1fU : 0;
  return after_link(cursor, kHeader + routing, Layer::kLlc);
}

Step fddi(Cursor& cursor) { return after_link(cursor, 13, Layer::kLlc); }
Step ip_over_fibre_channel(Cursor& cursor) { return after_link(cursor, 16, Layer::kLlc); }  // RFC 2625
Step firewire(Cursor& cursor) { return after_typed_link(cursor, 18, 16); }
Step netanalyzer(Cursor& cursor) { return after_link(cursor, 4, Layer::kEthernet); }
// The preamble and the start of frame delimiter come before the frame.
Step netanalyzer_transparent(Cursor& cursor) { return after_link(cursor, 12, Layer::kEthernet); }
Step mpacket(Cursor& cursor) { return after_link(cursor, 8, Layer::kEthernet); }

// RFC 4391: EtherType and two reserved octets. Some captures have the global routing header of 40 octets before it.
Step ipoib(Cursor& cursor) {
  constexpr std::uint32_t kRoutingHeader = 40;
  if (!cursor.has(4)) return too_short();
  const bool has_type = cursor.be16(2) == 0 && cursor.be16(0) >= 0x0600;
  if (!has_type && cursor.has(kRoutingHeader)) cursor.skip(kRoutingHeader);
  return after_typed_link(cursor, 4, 0);
}

// --- IEEE 802.11 ---

Step ieee80211(Cursor& cursor) { return ieee80211_header(cursor); }

// The header's length is at offset 2. Its flags say whether the IEEE 802.11 header is padded.
Step radiotap(Cursor& cursor) {
  if (!cursor.has(8)) return too_short();
  const std::uint32_t header = le16(cursor, 2);
  constexpr std::uint32_t kMore = 0x80000000;
  constexpr std::uint32_t kTime = 1;
  constexpr std::uint32_t kFlags = 2;
  constexpr std::uint8_t kPadded = 0x20;
  const std::uint32_t fields = le32(cursor, 4);
  std::uint32_t at = 8;
  for (std::uint32_t word = fields; (word & kMore) != 0 && cursor.has(at + 4); at += 4) word = le32(cursor, at);
  if ((fields & kTime) != 0) at = ((at + 7) & ~7U) + 8;
  const bool padded = (fields & kFlags) != 0 && at < header && cursor.has(at + 1) && (cursor.u8(at) & kPadded) != 0;
  if (header < 8 || !cursor.has(header)) return too_short();
  cursor.skip(header);
  return ieee80211_header(cursor, padded ? FrameControl::kPadded : FrameControl::kPlain);
}

Step avs(Cursor& cursor) {
  if (!cursor.has(8)) return too_short();
  const std::uint32_t header = cursor.be32(4);
  if (header < 8 || !cursor.has(header)) return too_short();
  cursor.skip(header);
  return ieee80211_header(cursor);
}

// The link type is that of the old Prism header, but some drivers write an AVS header instead.
Step prism(Cursor& cursor) {
  constexpr std::uint32_t kPrismHeader = 144;
  if (!cursor.has(8)) return too_short();
  constexpr std::uint32_t kAvsMagic = 0x80211000;
  if ((cursor.be32(0) & 0xfffff000) == kAvsMagic) return avs(cursor);
  if (!cursor.has(kPrismHeader)) return too_short();
  cursor.skip(kPrismHeader);
  return ieee80211_header(cursor);
}

// --- Wide area networks ---

Step ppp(Cursor&) { return {Layer::kPpp}; }
Step ppp_with_direction(Cursor& cursor) { return after_link(cursor, 1, Layer::kPpp); }
Step ppp_over_ethernet(Cursor& cursor) { return after_link(cursor, 6, Layer::kPpp); }
Step cisco_hdlc(Cursor& cursor) { return after_typed_link(cursor, 4, 2); }

// RFC 2427: an address of 2 to 4 octets, whose last octet is odd, then a control octet and the network layer protocol.
// Cisco's encapsulation has an EtherType after the address.
Step frame_relay(Cursor& cursor) {
  constexpr std::uint32_t kGreatestAddress = 4;
  std::uint32_t address = 1;
  while (address < kGreatestAddress && cursor.has(address) && (cursor.u8(address - 1) & 1) == 0) ++address;
  if (!cursor.has(address + 3)) return too_short();
  cursor.skip(address);
  constexpr std::uint8_t kUnnumbered = 0x03;
  if (cursor.u8(0) != kUnnumbered) return after_typed_link(cursor, 2, 0);
  cursor.skip(cursor.u8(1) == 0 ? 2 : 1);  // a pad octet may follow
  switch (cursor.u8(0)) {
    case 0xcc:  // IPv4
    case 0x8e:  // IPv6
      return after_link(cursor, 1, Layer::kIp);
    case 0x80:  // SNAP
      return after_typed_link(cursor, 6, 4);
    default:
      return failed(Counter::kIgnoredNotIp);
  }
}

// --- Hosts ---

Step raw_ip(Cursor&) { return {Layer::kIp}; }
// The address family in this header depends on the operating system and its byte order. The decoder does not need the
// family, because the IP version follows.
Step null_header(Cursor& cursor) { return after_link(cursor, 4, Layer::kIp); }
Step enc(Cursor& cursor) { return after_link(cursor, 12, Layer::kIp); }
Step ipnet(Cursor& cursor) { return after_link(cursor, 24, Layer::kIp); }

// For frames of IEEE 802.2 and IEEE 802.3, Linux writes a number of its own in the place of the EtherType.
Step linux_cooked(Cursor& cursor) {
  constexpr std::uint16_t kIeee8022 = 4;
  const Step step = after_typed_link(cursor, 16, 14);
  return step.type == kIeee8022 ? Step{Layer::kLlc} : step;
}

Step linux_cooked2(Cursor& cursor) {
  constexpr std::uint16_t kIeee8022 = 4;
  const Step step = after_typed_link(cursor, 20, 0);
  return step.type == kIeee8022 ? Step{Layer::kLlc} : step;
}

// The first octet is the length of the header without its padding.
Step pflog(Cursor& cursor) {
  if (!cursor.has(1)) return too_short();
  return after_link(cursor, std::max(4U, padded_to_4(cursor.u8(0))), Layer::kIp);
}

// An address family, a version and a resource id, then attributes. The packet is in one of the attributes.
Step nflog(Cursor& cursor) {
  constexpr std::uint32_t kHeader = 4;
  constexpr std::uint32_t kPayload = 9;
  if (!cursor.has(kHeader)) return too_short();
  cursor.skip(kHeader);
  while (cursor.has(kHeader)) {
    const std::uint32_t octets = le16(cursor, 0);
    const bool is_payload = (le16(cursor, 2) & 0x7fff) == kPayload;
    if (octets < kHeader) return too_short();
    if (is_payload) {
      cursor.limit(octets);
      return after_link(cursor, kHeader, Layer::kIp);
    }
    if (!cursor.has(padded_to_4(octets))) return too_short();
    cursor.skip(padded_to_4(octets));
  }
  return failed(Counter::kIgnoredNotIp);
}

// --- Headers of capture programs, which name the link type that follows ---

Step named_link(Cursor& cursor, std::uint32_t header, std::uint32_t dlt) {
  const auto inner = link_type_from_pcap(static_cast<int>(std::min(dlt, 0xffffU)));
  if (!inner || *inner == LinkType::kPpi || *inner == LinkType::kPktap) return failed(Counter::kIgnoredLinkType);
  if (!cursor.has(header)) return too_short();
  cursor.skip(header);
  return first_header(*inner, cursor);
}

Step ppi(Cursor& cursor) {
  if (!cursor.has(8)) return too_short();
  return named_link(cursor, std::max(8U, le16(cursor, 2)), le32(cursor, 4));
}

Step pktap(Cursor& cursor) {
  if (!cursor.has(12)) return too_short();
  return named_link(cursor, std::max(12U, le32(cursor, 0)), le32(cursor, 8));
}

constexpr std::array kRows = {
    LinkTypeRow{0, 0, LinkType::kNull, "NULL", null_header},
    LinkTypeRow{1, 1, LinkType::kEthernet, "ETHERNET", ethernet},
    LinkTypeRow{6, 6, LinkType::kTokenRing, "IEEE802_5", token_ring},
    LinkTypeRow{9, 9, LinkType::kPpp, "PPP", ppp},
    LinkTypeRow{10, 10, LinkType::kFddi, "FDDI", fddi},
    LinkTypeRow{11, 11, LinkType::kLlc, "ATM_RFC1483 (DLT)", llc},
    LinkTypeRow{12, 12, LinkType::kRawIp, "RAW (DLT)", raw_ip},
    LinkTypeRow{14, 12, LinkType::kRawIp, "RAW (DLT of OpenBSD)", raw_ip},
    LinkTypeRow{50, 50, LinkType::kPpp, "PPP_HDLC", ppp},
    LinkTypeRow{51, 51, LinkType::kPppOverEthernet, "PPP_ETHER", ppp_over_ethernet},
    LinkTypeRow{100, 11, LinkType::kLlc, "ATM_RFC1483", llc},
    LinkTypeRow{101, 12, LinkType::kRawIp, "RAW", raw_ip},
    LinkTypeRow{104, 104, LinkType::kCiscoHdlc, "C_HDLC", cisco_hdlc},
    LinkTypeRow{105, 105, LinkType::kIeee80211, "IEEE802_11", ieee80211},
    LinkTypeRow{107, 107, LinkType::kFrameRelay, "FRELAY", frame_relay},
    LinkTypeRow{108, 108, LinkType::kLoop, "LOOP", null_header},
    LinkTypeRow{109, 109, LinkType::kEnc, "ENC", enc},
    LinkTypeRow{113, 113, LinkType::kLinuxCooked, "LINUX_SLL", linux_cooked},
    LinkTypeRow{117, 117, LinkType::kPflog, "PFLOG", pflog},
    LinkTypeRow{119, 119, LinkType::kPrism, "IEEE802_11_PRISM", prism},
    LinkTypeRow{122, 122, LinkType::kIpOverFibreChannel, "IP_OVER_FC", ip_over_fibre_channel},
    LinkTypeRow{127, 127, LinkType::kRadiotap, "IEEE802_11_RADIOTAP", radiotap},
    LinkTypeRow{138, 138, LinkType::kFirewire, "APPLE_IP_OVER_IEEE1394", firewire},
    LinkTypeRow{163, 163, LinkType::kAvs, "IEEE802_11_AVS", avs},
    LinkTypeRow{166, 166, LinkType::kPppWithDirection, "PPP_PPPD", ppp_with_direction},
    LinkTypeRow{192, 192, LinkType::kPpi, "PPI", ppi},
    LinkTypeRow{204, 204, LinkType::kPppWithDirection, "PPP_WITH_DIR", ppp_with_direction},
    LinkTypeRow{226, 226, LinkType::kIpnet, "IPNET", ipnet},
    LinkTypeRow{228, 228, LinkType::kRawIp, "IPV4", raw_ip},
    LinkTypeRow{229, 229, LinkType::kRawIp, "IPV6", raw_ip},
    LinkTypeRow{239, 239, LinkType::kNflog, "NFLOG", nflog},
    LinkTypeRow{240, 240, LinkType::kNetAnalyzer, "NETANALYZER", netanalyzer},
    LinkTypeRow{241, 241, LinkType::kNetAnalyzerTransparent, "NETANALYZER_TRANSPARENT", netanalyzer_transparent},
    LinkTypeRow{242, 242, LinkType::kIpoib, "IPOIB", ipoib},
    LinkTypeRow{258, 258, LinkType::kPktap, "PKTAP", pktap},
    LinkTypeRow{274, 274, LinkType::kMpacket, "ETHERNET_MPACKET", mpacket},
    LinkTypeRow{276, 276, LinkType::kLinuxCooked2, "LINUX_SLL2", linux_cooked2},
};

// The function for each LinkType, by its value.
constexpr auto kHeaders = [] {
  std::array<Step (*)(Cursor&), kRows.back().number + 1> headers{};
  for (const LinkTypeRow& row : kRows) headers[static_cast<std::size_t>(row.type)] = row.header;
  return headers;
}();

}  // namespace

std::span<const LinkTypeRow> link_types() { return kRows; }

std::optional<LinkType> link_type_from_pcap(int number) {
  const auto row = std::ranges::find(kRows, number, &LinkTypeRow::number);
  return row != kRows.end() ? std::optional{row->type} : std::nullopt;
}

Step first_header(LinkType link_type, Cursor& cursor) { return kHeaders[static_cast<std::size_t>(link_type)](cursor); }

Step ieee80211_header(Cursor& cursor, FrameControl variant) {
  constexpr std::uint32_t kLeastHeader = 24;
  if (!cursor.has(kLeastHeader)) return too_short();
  const bool swapped = variant == FrameControl::kSwapped;
  const std::uint8_t type = cursor.u8(swapped ? 1 : 0);
  const std::uint8_t flags = cursor.u8(swapped ? 0 : 1);
  constexpr std::uint8_t kProtected = 0x40;
  constexpr std::uint8_t kOrder = 0x80;
  const bool is_data = (type & 0x0c) == 0x08;
  const bool has_no_body = (type & 0x40) != 0;
  const bool has_qos = (type & 0x80) != 0;
  if (!is_data || has_no_body) return failed(Counter::kIgnoredNotIp);
  if ((flags & kProtected) != 0) return failed(Counter::kIgnoredEncrypted);
  std::uint32_t header = kLeastHeader;
  if ((flags & 0x03) == 0x03) header += 6;  // a frame with four addresses
  const std::uint32_t qos = header;
  if (has_qos) header += (flags & kOrder) != 0 ? 6 : 2;  // the QoS control field, and the HT control field
  if (variant == FrameControl::kPadded) header = padded_to_4(header);
  if (!cursor.has(header)) return too_short();
  constexpr std::uint8_t kAggregated = 0x80;
  constexpr std::uint32_t kSubframeHeader = 14;
  if (has_qos && (cursor.u8(qos) & kAggregated) != 0) header += kSubframeHeader;  // only the first packet is read
  return after_link(cursor, header, Layer::kLlc);
}

}  // namespace spanflow

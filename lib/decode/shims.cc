#include "decode/shims.h"

#include <algorithm>
#include <array>

namespace spanflow {
namespace {

Step bridged(Cursor&) { return {Layer::kEthernet}; }
Step pppoe(Cursor& cursor) { return after_link(cursor, 6, Layer::kPpp); }
Step ppp_frame(Cursor&) { return {Layer::kPpp}; }
Step jumbo_llc(Cursor&) { return {Layer::kLlc}; }
Step vn_tag(Cursor& cursor) { return after_typed_link(cursor, 6, 4); }
Step e_tag(Cursor& cursor) { return after_typed_link(cursor, 8, 6); }              // IEEE 802.1BR
Step hsr(Cursor& cursor) { return after_typed_link(cursor, 6, 4); }                // IEC 62439-3
Step backbone(Cursor& cursor) { return after_link(cursor, 4, Layer::kEthernet); }  // IEEE 802.1ah
Step fabric_path(Cursor& cursor) { return after_link(cursor, 2, Layer::kEthernet); }

// Cisco metadata: version, number of options, and four octets for each option.
Step cisco_metadata(Cursor& cursor) {
  if (!cursor.has(2)) return too_short();
  const std::uint32_t header = 2 + cursor.u8(1) * 4U;
  return after_typed_link(cursor, header + 2, header);
}

// TRILL (RFC 6325). The length of the options is in units of 4 octets.
Step trill(Cursor& cursor) {
  if (!cursor.has(2)) return too_short();
  return after_link(cursor, 6 + ((cursor.be16(0) >> 6) & 0x1fU) * 4, Layer::kEthernet);
}

// MACsec (IEEE 802.1AE). If it only protects the integrity, the EtherType and the octets of the frame follow in clear.
Step macsec(Cursor& cursor) {
  if (!cursor.has(6)) return too_short();
  constexpr std::uint8_t kEncryptedOrChanged = 0x0c;
  constexpr std::uint8_t kHasChannel = 0x20;
  if ((cursor.u8(0) & kEncryptedOrChanged) != 0) return failed(Counter::kIgnoredEncrypted);
  const std::uint32_t header = (cursor.u8(0) & kHasChannel) != 0 ? 14 : 6;
  return after_typed_link(cursor, header + 2, header);
}

constexpr std::array kShims = {
    ShimRow{0x22f3, "TRILL", trill},
    ShimRow{0x6558, "transparent Ethernet bridging", bridged},
    ShimRow{0x880b, "PPP", ppp_frame},
    ShimRow{0x8847, "MPLS", mpls},
    ShimRow{0x8848, "MPLS multicast", mpls},
    ShimRow{0x8864, "PPPoE", pppoe},
    ShimRow{0x8870, "jumbo LLC", jumbo_llc},
    ShimRow{0x88e5, "MACsec without encryption", macsec},
    ShimRow{0x88e7, "802.1ah backbone", backbone},
    ShimRow{0x8903, "Cisco FabricPath", fabric_path},
    ShimRow{0x8909, "Cisco metadata (CMD)", cisco_metadata},
    ShimRow{0x8926, "VN-Tag", vn_tag},
    ShimRow{0x892f, "HSR", hsr},
    ShimRow{0x893f, "802.1BR E-Tag", e_tag},
    ShimRow{0x894f, "NSH", nsh},
};

// ARP, RARP, IPX, AppleTalk, EAPOL, LLDP, PTP, FCoE, LACP, CFM, industrial protocols and the like.
constexpr std::array<std::uint16_t, 44> kNeverIp = {
    0x0806, 0x0842, 0x2000, 0x2003, 0x2004, 0x22ea, 0x22f0, 0x6001, 0x6002, 0x6003, 0x6004,
    0x8035, 0x809b, 0x80f3, 0x8137, 0x8138, 0x8204, 0x8808, 0x8809, 0x8863, 0x886d, 0x888e,
    0x8892, 0x88a4, 0x88ab, 0x88b8, 0x88b9, 0x88ba, 0x88c7, 0x88cc, 0x88cd, 0x88d9, 0x88e1,
    0x88e3, 0x88f5, 0x88f6, 0x88f7, 0x8902, 0x8906, 0x8914, 0x8915, 0x893a, 0x9000, 0x9003};
static_assert(std::ranges::is_sorted(kNeverIp));

// --- Pseudowires ---

std::uint32_t ones_complement_sum(const Cursor& cursor, std::uint32_t octets) {
  std::uint32_t sum = 0;
  for (std::uint32_t at = 0; at + 1 < octets; at += 2) sum += cursor.be16(at);
  sum = (sum >> 16) + (sum & 0xffff);
  return (sum >> 16) + (sum & 0xffff);
}

}  // namespace

std::span<const ShimRow> shims() { return kShims; }

std::optional<Step> shim(std::uint32_t ether_type, Cursor& cursor) {
  const auto row = std::ranges::find(kShims, ether_type, &ShimRow::ether_type);
  if (row == kShims.end()) return std::nullopt;
  return row->header(cursor);
}

bool is_never_ip(std::uint32_t ether_type) { return std::ranges::binary_search(kNeverIp, ether_type); }

bool is_surely_ip(const Cursor& cursor) {
  if (!cursor.has(20)) return false;
  const std::uint32_t header = (cursor.u8(0) & 0x0f) * 4U;
  if (cursor.u8(0) >> 4 == 4 && header >= 20 && cursor.has(header)) {
    return ones_complement_sum(cursor, header) == 0xffff || cursor.be16(2) == cursor.wire();
  }
  return cursor.u8(0) >> 4 == 6 && cursor.be16(4) + 40U <= cursor.wire();
}

bool is_surely_ethernet(const Cursor& cursor, std::uint32_t offset) {
  if (!cursor.has(offset + 15)) return false;
  const std::uint8_t next = cursor.u8(offset + 14);
  switch (cursor.be16(offset + 12)) {
    case ether_types::kIpv4:
      return next >> 4 == 4;
    case ether_types::kIpv6:
      return next >> 4 == 6;
    case ether_types::kArp:
      return next == 0;
    case ether_types::kVlan:
    case ether_types::kServiceVlan:
    case ether_types::kMpls:
    case ether_types::kPppoeSession:
      return true;
    default:
      return false;
  }
}

Step nsh(Cursor& cursor) {
  if (!cursor.has(8)) return too_short();
  const std::uint32_t header = (cursor.be16(0) & 0x3fU) * 4;
  const std::uint8_t next = cursor.u8(3);
  if (header < 8 || !cursor.has(header)) return too_short();
  cursor.skip(header);
  switch (next) {
    case 1:  // IPv4
    case 2:  // IPv6
      return {Layer::kIp};
    case 3:
      return {Layer::kEthernet};
    case 4:
      return {Layer::kNsh};
    case 5:
      return {Layer::kMpls};
    default:
      return failed(Counter::kIgnoredNotIp);
  }
}

// MPLS labels do not name the protocol after them. It is IP, or an Ethernet frame of a pseudowire (RFC 4448), with or
// without a control word before the frame (RFC 4385). The first octet alone cannot tell them apart, because the first
// octet of a MAC address may look like that of IP or of a control word.
Step mpls(Cursor& cursor) {
  constexpr std::uint32_t kLastLabel = 0x100;
  constexpr std::uint32_t kControlWord = 4;
  for (bool is_last = false; !is_last;) {
    if (!cursor.has(4)) return too_short();
    is_last = (cursor.be32(0) & kLastLabel) != 0;
    cursor.skip(4);
  }
  if (!cursor.has(1)) return too_short();
  const std::uint8_t nibble = cursor.u8(0) >> 4;
  if (nibble == 4 && is_surely_ip(cursor)) return {Layer::kIp};
  if (is_surely_ethernet(cursor, 0)) return {Layer::kEthernet};
  if (nibble == 0) return after_link(cursor, kControlWord, Layer::kEthernet);
  return nibble == 4 || nibble == 6 ? Step{Layer::kIp} : failed(Counter::kIgnoredNotIp);
}

}  // namespace spanflow

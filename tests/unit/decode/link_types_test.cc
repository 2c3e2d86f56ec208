// Decodes the first header of every link type. Behind each header is the same packet.
#include "decode/link_types.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "support/decoding.h"

namespace spanflow::testing::link_types_test {
namespace {

const Bytes kSnap = {0xaa, 0xaa, 0x03, 0, 0, 0, 0x08, 0x00};
// A QoS data frame from an access point: frame control, duration, three addresses, sequence control, QoS control.
const Bytes kDot11 = Bytes{0x88, 0x02, 0, 0} + Bytes(20) + Bytes{0, 0};
// The same without QoS: 24 octets.
const Bytes kDot11Plain = Bytes{0x08, 0x02, 0, 0} + Bytes(20);

struct LinkTypeCase {
  std::string name;
  LinkType type;
  Bytes header;
};

const LinkTypeCase kCases[] = {
    {"Null", LinkType::kNull, {2, 0, 0, 0}},
    {"Ethernet", LinkType::kEthernet, kEthernetHeader},
    {"EthernetWithBridgeTunnel", LinkType::kEthernet,
     Bytes{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0, 41, 0xaa, 0xaa, 0x03, 0, 0, 0xf8, 0x08, 0x00}},
    {"EthernetWithIpOverLlc", LinkType::kEthernet, Bytes{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0, 36, 0x06, 0x06, 0x03}},
    {"TokenRing", LinkType::kTokenRing, Bytes{0x10, 0x40} + Bytes(12) + kSnap},
    {"TokenRingWithRouting", LinkType::kTokenRing,
     Bytes{0x10, 0x40, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 1} + Bytes{0x06, 0x10, 0, 0, 0, 0} + kSnap},
    {"Ppp", LinkType::kPpp, {0xff, 0x03, 0x00, 0x21}},
    {"Fddi", LinkType::kFddi, Bytes{0x50} + Bytes(12) + kSnap},
    {"PppOverEthernet", LinkType::kPppOverEthernet, {0x11, 0, 0, 1, 0, 35, 0x00, 0x21}},
    {"Llc", LinkType::kLlc, kSnap},
    {"RawIp", LinkType::kRawIp, {}},
    {"CiscoHdlc", LinkType::kCiscoHdlc, {0x0f, 0x00, 0x08, 0x00}},
    {"Ieee80211", LinkType::kIeee80211, kDot11 + kSnap},
    {"Ieee80211WithFourAddresses", LinkType::kIeee80211, Bytes{0x08, 0x03} + Bytes(28) + kSnap},
    {"Ieee80211WithHtControl", LinkType::kIeee80211, Bytes{0x88, 0x82} + Bytes(28) + kSnap},
    {"Ieee80211Aggregated", LinkType::kIeee80211, Bytes{0x88, 0x02} + Bytes(22) + Bytes{0x80, 0} + Bytes(14) + kSnap},
    {"FrameRelay", LinkType::kFrameRelay, {0x18, 0x41, 0x03, 0xcc}},
    {"FrameRelayPadded", LinkType::kFrameRelay, {0x18, 0x41, 0x03, 0x00, 0xcc}},
    {"FrameRelaySnap", LinkType::kFrameRelay, {0x18, 0x41, 0x03, 0x80, 0, 0, 0, 0x08, 0x00}},
    {"FrameRelayLongAddress", LinkType::kFrameRelay, {0x18, 0x40, 0x40, 0x41, 0x03, 0xcc}},
    {"FrameRelayCisco", LinkType::kFrameRelay, {0x18, 0x41, 0x08, 0x00}},
    {"Loop", LinkType::kLoop, {0, 0, 0, 2}},
    {"Enc", LinkType::kEnc, Bytes{2, 0, 0, 0} + Bytes(8)},
    {"LinuxCooked", LinkType::kLinuxCooked, Bytes(14) + Bytes{0x08, 0x00}},
    {"LinuxCookedLlc", LinkType::kLinuxCooked, Bytes(14) + Bytes{0x00, 0x04} + kSnap},
    {"Pflog", LinkType::kPflog, Bytes{61, 2} + Bytes(62)},
    {"Prism", LinkType::kPrism, Bytes{0x44, 0, 0, 0, 144, 0, 0, 0} + Bytes(136) + kDot11 + kSnap},
    {"PrismWithAvs", LinkType::kPrism, Bytes{0x80, 0x21, 0x10, 0x01, 0, 0, 0, 64} + Bytes(56) + kDot11 + kSnap},
    {"IpOverFibreChannel", LinkType::kIpOverFibreChannel, Bytes(16) + kSnap},
    {"Radiotap", LinkType::kRadiotap, Bytes{0, 0, 8, 0, 0, 0, 0, 0} + kDot11 + kSnap},
    // The time is at offset 16, because it is aligned to 8 octets; the flags follow: padding behind the 802.11 header.
    {"RadiotapWithPadding", LinkType::kRadiotap,
     Bytes{0, 0, 25, 0, 0x03, 0, 0, 0x80, 0, 0, 0, 0} + Bytes(12) + Bytes{0x20} + kDot11 + Bytes(2) + kSnap},
    {"Firewire", LinkType::kFirewire, Bytes(16) + Bytes{0x08, 0x00}},
    {"Avs", LinkType::kAvs, Bytes{0x80, 0x21, 0x10, 0x02, 0, 0, 0, 64} + Bytes(56) + kDot11Plain + kSnap},
    {"Ppi", LinkType::kPpi, Bytes{0, 0, 8, 0, 105, 0, 0, 0} + kDot11 + kSnap},
    {"PpiWithFields", LinkType::kPpi, Bytes{0, 0, 16, 0, 1, 0, 0, 0} + Bytes(8) + kEthernetHeader},
    {"PppWithDirection", LinkType::kPppWithDirection, {0x00, 0xff, 0x03, 0x00, 0x21}},
    {"Ipnet", LinkType::kIpnet, Bytes{2, 2} + Bytes(22)},
    {"Nflog", LinkType::kNflog, Bytes{2, 0, 0, 0} + Bytes{5, 0, 10, 0, 'x', 0, 0, 0} + Bytes{37, 0, 9, 0}},
    {"NetAnalyzer", LinkType::kNetAnalyzer, Bytes(4) + kEthernetHeader},
    {"NetAnalyzerTransparent", LinkType::kNetAnalyzerTransparent, Bytes(12) + kEthernetHeader},
    {"Ipoib", LinkType::kIpoib, {0x08, 0x00, 0, 0}},
    {"IpoibWithRoutingHeader", LinkType::kIpoib, Bytes{0x60, 0, 0x12, 0x34} + Bytes(36) + Bytes{0x08, 0x00, 0, 0}},
    {"Pktap", LinkType::kPktap, Bytes{108, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0} + Bytes(96) + kEthernetHeader},
    {"Mpacket", LinkType::kMpacket, Bytes(8) + kEthernetHeader},
    {"LinuxCooked2", LinkType::kLinuxCooked2, Bytes{0x08, 0x00} + Bytes(18)},
};

class EveryLinkType : public ::testing::TestWithParam<LinkTypeCase> {};

TestPacket frame_of(const LinkTypeCase& link) {
  const TestPacket ip = PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").udp(1234, 53).payload("hello").build();
  TestPacket frame{.bytes = link.header + ip.bytes, .link_type = link.type};
  frame.wire = static_cast<std::uint32_t>(frame.bytes.size());
  return frame;
}

TEST_P(EveryLinkType, LeadsToTheIpPacket) {
  const TestPacket frame = frame_of(GetParam());
  const Decoded decoded = decode(frame);
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.key.ip_src, address("10.0.0.1"));
  EXPECT_EQ(decoded.packet.key.dst_port, 53);
  EXPECT_EQ(decoded.packet.payload_size, 5U);
  EXPECT_EQ(decoded.packet.size, frame.wire);
}

// A header that is cut must not be read beyond its captured octets.
TEST_P(EveryLinkType, CutAnywhereIsMalformedOrIgnored) {
  const TestPacket frame = frame_of(GetParam());
  for (std::size_t octets = 0; octets < GetParam().header.size(); ++octets) {
    EXPECT_NE(decode(frame.cut_to(octets)).outcome, Counter::kPacketsMetered) << octets;
  }
}

INSTANTIATE_TEST_SUITE_P(Decoder, EveryLinkType, ::testing::ValuesIn(kCases),
                         [](const auto& each) { return each.param.name; });

TEST(LinkTypes, EachHasACase) {
  std::set<LinkType> tested;
  for (const LinkTypeCase& each : kCases) tested.insert(each.type);
  for (const LinkTypeRow& row : link_types()) EXPECT_TRUE(tested.contains(row.type)) << row.name;
}

TEST(LinkTypes, NumbersAreInOrder) {
  for (std::size_t i = 1; i < link_types().size(); ++i) {
    EXPECT_LT(link_types()[i - 1].number, link_types()[i].number);
  }
}

TEST(LinkTypes, EncryptedWirelessFramesAreCounted) {
  TestPacket frame = frame_of({"", LinkType::kIeee80211, kDot11 + kSnap});
  frame.bytes[1] |= 0x40;
  EXPECT_EQ(decode(frame).outcome, Counter::kIgnoredEncrypted);
}

TEST(LinkTypes, WirelessFramesWithoutDataAreNotIp) {
  for (const std::uint8_t control : {0x80, 0xb4, 0x48, 0xc8}) {  // beacon, RTS, null data, QoS null data
    TestPacket frame = frame_of({"", LinkType::kIeee80211, kDot11 + kSnap});
    frame.bytes[0] = control;
    EXPECT_EQ(decode(frame).outcome, Counter::kIgnoredNotIp) << int{control};
  }
}

TEST(LinkTypes, ANestedLinkTypeThatIsNotReadIsCounted) {
  EXPECT_EQ(decode(frame_of({"", LinkType::kPpi, {0, 0, 8, 0, 189, 0, 0, 0}})).outcome, Counter::kIgnoredLinkType);
  EXPECT_EQ(decode(frame_of({"", LinkType::kPpi, {0, 0, 8, 0, 192, 0, 0, 0}})).outcome, Counter::kIgnoredLinkType);
}

}  // namespace
}  // namespace spanflow::testing::link_types_test

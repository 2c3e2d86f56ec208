// Decodes every header between the link layer and IP. Behind each header is the same packet.
#include "decode/shims.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "support/decoding.h"

namespace spanflow::testing::shims_test {
namespace {

const Bytes kLabel = {0x00, 0x01, 0x01, 0x40};  // the last MPLS label

struct ShimCase {
  std::string name;
  std::uint16_t ether_type;
  Bytes header;
};

const ShimCase kCases[] = {
    {"Trill", 0x22f3, Bytes{0x00, 0x01, 0, 1, 0, 2} + kEthernetHeader},
    {"TrillWithOptions", 0x22f3, Bytes{0x00, 0x41, 0, 1, 0, 2} + Bytes(4) + kEthernetHeader},
    {"Bridging", 0x6558, kEthernetHeader},
    {"Ppp", 0x880b, {0x00, 0x21}},
    {"Mpls", 0x8847, kLabel},
    {"MplsMulticast", 0x8848, kLabel},
    {"PseudowireWithControlWord", 0x8847, kLabel + Bytes{0, 0, 0, 7} + kEthernetHeader},
    {"PseudowireWithoutControlWord", 0x8847, kLabel + kEthernetHeader},
    {"PseudowireToAddressLikeIpv4", 0x8847, kLabel + Bytes{0x45, 0, 0, 48, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00}},
    {"PseudowireToAddressLikeIpv6", 0x8847, kLabel + Bytes{0x60, 0, 0, 48, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00}},
    {"PseudowireToAddressLikeControlWord", 0x8847, kLabel + Bytes{0, 0x50, 0x56, 1, 2, 3, 0x2c, 0, 0, 0, 0, 1, 8, 0}},
    {"PseudowireFromAddressLikeIpv4", 0x8847, kLabel + Bytes{2, 0, 0, 0, 0, 2, 0x45, 0, 0, 0, 0, 1, 0x08, 0x00}},
    {"PseudowireWithVlan", 0x8847, kLabel + Bytes{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 7, 0x08, 0x00}},
    {"Pppoe", 0x8864, {0x11, 0, 0, 1, 0, 35, 0x00, 0x21}},
    {"JumboLlc", 0x8870, {0xaa, 0xaa, 0x03, 0, 0, 0, 0x08, 0x00}},
    {"Macsec", 0x88e5, {0x00, 0, 0, 0, 0, 1, 0x08, 0x00}},
    {"MacsecWithChannel", 0x88e5, Bytes{0x20, 0, 0, 0, 0, 1} + Bytes(8) + Bytes{0x08, 0x00}},
    {"Backbone", 0x88e7, Bytes{0, 0, 0, 9} + kEthernetHeader},
    {"FabricPath", 0x8903, Bytes{0, 0x40} + kEthernetHeader},
    {"CiscoMetadata", 0x8909, {1, 1, 0, 0, 0, 5, 0x08, 0x00}},
    {"CiscoMetadataOfTwo", 0x8909, Bytes{1, 2} + Bytes(8) + Bytes{0x08, 0x00}},
    {"VnTag", 0x8926, {0, 0, 0, 1, 0x08, 0x00}},
    {"Hsr", 0x892f, {0, 40, 0, 1, 0x08, 0x00}},
    {"ETag", 0x893f, {0, 0, 0, 1, 0, 0, 0x08, 0x00}},
    {"Nsh", 0x894f, {0x0f, 0xc2, 2, 1, 0, 0, 1, 255}},
    {"NshWithMetadata", 0x894f, Bytes{0x0f, 0xc6, 1, 1, 0, 0, 1, 255} + Bytes(16)},
    {"NshEthernet", 0x894f, Bytes{0x0f, 0xc2, 2, 3, 0, 0, 1, 255} + kEthernetHeader},
    {"NshNsh", 0x894f, Bytes{0x0f, 0xc2, 2, 4, 0, 0, 1, 255, 0x0f, 0xc2, 2, 1, 0, 0, 1, 255}},
    {"NshMpls", 0x894f, Bytes{0x0f, 0xc2, 2, 5, 0, 0, 1, 255} + kLabel},
    {"OldVlan9100", 0x9100, {0, 7, 0x08, 0x00}},
    {"OldVlan9200", 0x9200, {0, 7, 0x81, 0, 0, 8, 0x08, 0x00}},
    {"OldVlan9300", 0x9300, {0, 7, 0x08, 0x00}},
    {"VlanShim", 0x8100, {0, 7, 0x89, 0x26, 0, 0, 0, 1, 0x08, 0x00}},
};

TestPacket frame_of(std::uint16_t ether_type, const Bytes& header, const Bytes& trailer = {}) {
  const TestPacket ip = PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").udp(1234, 53).payload("hello").build();
  const Bytes link = {2,
                      0,
                      0,
                      0,
                      0,
                      2,
                      2,
                      0,
                      0,
                      0,
                      0,
                      1,
                      static_cast<std::uint8_t>(ether_type >> 8),
                      static_cast<std::uint8_t>(ether_type)};
  TestPacket frame{.bytes = link + header + ip.bytes + trailer, .link_type = LinkType::kEthernet};
  frame.wire = static_cast<std::uint32_t>(frame.bytes.size());
  return frame;
}

class EveryShim : public ::testing::TestWithParam<ShimCase> {};

TEST_P(EveryShim, LeadsToTheIpPacket) {
  const TestPacket frame = frame_of(GetParam().ether_type, GetParam().header, Bytes(16));  // MACsec has a trailer
  const Decoded decoded = decode(frame);
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.key.ip_src, address("10.0.0.1"));
  EXPECT_EQ(decoded.packet.key.dst_port, 53);
  EXPECT_EQ(decoded.packet.payload_size, 5U);
  EXPECT_EQ(decoded.packet.size, frame.wire);
  EXPECT_FALSE(decoded.packet.odd_ether_type);
}

TEST_P(EveryShim, CutAnywhereIsMalformedOrIgnored) {
  const TestPacket frame = frame_of(GetParam().ether_type, GetParam().header);
  for (std::size_t octets = 14; octets < 14 + GetParam().header.size(); ++octets) {
    EXPECT_NE(decode(frame.cut_to(octets)).outcome, Counter::kPacketsMetered) << octets;
  }
}

INSTANTIATE_TEST_SUITE_P(Decoder, EveryShim, ::testing::ValuesIn(kCases),
                         [](const auto& each) { return each.param.name; });

TEST(Shims, EachHasACase) {
  std::set<std::uint16_t> tested;
  for (const ShimCase& each : kCases) tested.insert(each.ether_type);
  for (const ShimRow& row : shims()) EXPECT_TRUE(tested.contains(row.ether_type)) << row.name;
}

TEST(Shims, EncryptedMacsecIsCounted) {
  EXPECT_EQ(decode(frame_of(0x88e5, {0x0c, 0, 0, 0, 0, 1})).outcome, Counter::kIgnoredEncrypted);
}

TEST(Shims, Ipv4BehindAnyOtherEtherTypeIsMetered) {
  for (const std::uint16_t type : {0x88b5, 0x9000}) {
    const Decoded decoded = decode(frame_of(type, {}));
    EXPECT_EQ(decoded.outcome, Counter::kPacketsMetered) << type;
    EXPECT_TRUE(decoded.packet.odd_ether_type) << type;
  }
}

TEST(Shims, AnUnknownEtherTypeIsToldApartFromArp) {
  const Decoded unknown = decode(frame_of(0x88b5, {1, 2, 3, 4}));
  EXPECT_EQ(unknown.outcome, Counter::kIgnoredUnknownEtherType);
  EXPECT_EQ(unknown.packet.ether_type, 0x88b5);
  for (const std::uint16_t known : {0x0806, 0x88cc, 0x8809, 0x888e, 0x9000}) {
    EXPECT_EQ(decode(frame_of(known, {1, 2, 3, 4})).outcome, Counter::kIgnoredNotIp) << known;
  }
}

}  // namespace
}  // namespace spanflow::testing::shims_test

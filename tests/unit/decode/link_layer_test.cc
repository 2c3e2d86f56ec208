// Decodes the layers from the link layer to the IP header.
#include <gmock/gmock.h>

#include <functional>
#include <string>

#include "support/decoding.h"

namespace spanflow::testing::link_layer_test {
namespace {

// Adds the same packet behind every link layer: an IPv4 header (20 octets), a UDP header (8) and payload (5).
PacketBuilder& add_udp(PacketBuilder& builder) {
  return builder.ipv4("10.0.0.1", "10.0.0.2").udp(1234, 53).payload("hello");
}

constexpr std::uint32_t kIpOctets = 33;

void expect_the_udp_packet(const Decoded& decoded, std::uint32_t link_octets) {
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  const Packet& packet = decoded.packet;
  EXPECT_EQ(packet.key.ip_version, 4);
  EXPECT_EQ(packet.key.ip_protocol, protocol::kUdp);
  EXPECT_EQ(packet.key.ip_src, address("10.0.0.1"));
  EXPECT_EQ(packet.key.ip_dst, address("10.0.0.2"));
  EXPECT_EQ(packet.key.src_port, 1234);
  EXPECT_EQ(packet.key.dst_port, 53);
  EXPECT_EQ(packet.size, link_octets + kIpOctets);
  EXPECT_EQ(packet.ip_size, kIpOctets);
  EXPECT_EQ(packet.transport_size, 13U);
  EXPECT_EQ(packet.payload_size, 5U);
  EXPECT_EQ(packet.ip_captured, kIpOctets);
}

struct LinkCase {
  std::string name;
  std::uint32_t link_octets;
  LinkType link_type;
  std::function<void(PacketBuilder&)> build;
};

class EveryLinkLayer : public ::testing::TestWithParam<LinkCase> {};

TEST_P(EveryLinkLayer, LeadsToTheIpPacket) {
  PacketBuilder builder;
  GetParam().build(builder);
  const TestPacket frame = add_udp(builder).build();
  EXPECT_EQ(frame.link_type, GetParam().link_type);
  expect_the_udp_packet(decode(frame), GetParam().link_octets);
}

const LinkCase kLinkCases[] = {
    {"Ethernet", 14, LinkType::kEthernet, [](PacketBuilder& b) { b.ethernet(); }},
    {"LinuxCooked", 16, LinkType::kLinuxCooked, [](PacketBuilder& b) { b.linux_cooked(); }},
    {"LinuxCooked2", 20, LinkType::kLinuxCooked2, [](PacketBuilder& b) { b.linux_cooked2(); }},
    {"Null", 4, LinkType::kNull, [](PacketBuilder& b) { b.null_link(); }},
    {"Loop", 4, LinkType::kLoop, [](PacketBuilder& b) { b.loop_link(); }},
    {"RawIp", 0, LinkType::kRawIp, [](PacketBuilder& b) { b.raw_ip(); }},
    {"Ppp", 2, LinkType::kPpp, [](PacketBuilder& b) { b.ppp(); }},
    {"PppWithHdlcFraming", 4, LinkType::kPpp, [](PacketBuilder& b) { b.ppp(PppForm::kHdlc); }},
    {"PppCompressed", 1, LinkType::kPpp, [](PacketBuilder& b) { b.ppp(PppForm::kCompressed); }},
    {"PppMpls", 6, LinkType::kPpp, [](PacketBuilder& b) { b.ppp().mpls(16); }},
    {"LlcSnap", 22, LinkType::kEthernet, [](PacketBuilder& b) { b.ethernet().llc_snap(); }},
    {"Vlan", 18, LinkType::kEthernet, [](PacketBuilder& b) { b.ethernet().vlan(100); }},
    {"QinQ", 22, LinkType::kEthernet, [](PacketBuilder& b) { b.ethernet().vlan(7, 0x88a8).vlan(100); }},
    {"OldQinQ", 22, LinkType::kEthernet, [](PacketBuilder& b) { b.ethernet().vlan(7, 0x9100).vlan(100); }},
    {"StackedCustomerTags", 22, LinkType::kEthernet, [](PacketBuilder& b) { b.ethernet().vlan(7).vlan(100); }},
    {"CookedVlan", 20, LinkType::kLinuxCooked, [](PacketBuilder& b) { b.linux_cooked().vlan(100); }},
    {"Mpls", 18, LinkType::kEthernet, [](PacketBuilder& b) { b.ethernet().mpls(16); }},
    {"MplsStack", 26, LinkType::kEthernet, [](PacketBuilder& b) { b.ethernet().mpls(16).mpls(17).mpls(18); }},
    {"VlanMpls", 22, LinkType::kEthernet, [](PacketBuilder& b) { b.ethernet().vlan(100).mpls(16); }},
    {"Pseudowire", 36, LinkType::kEthernet, [](PacketBuilder& b) { b.ethernet().mpls(16).control_word().ethernet(); }},
    {"PseudowireVlan", 40, LinkType::kEthernet,
     [](PacketBuilder& b) { b.ethernet().mpls(16).control_word().ethernet().vlan(3); }},
    {"Pppoe", 22, LinkType::kEthernet, [](PacketBuilder& b) { b.ethernet().pppoe(9).ppp(); }},
    {"PppoeCompressed", 21, LinkType::kEthernet,
     [](PacketBuilder& b) { b.ethernet().pppoe(9).ppp(PppForm::kCompressed); }},
    {"VlanPppoe", 26, LinkType::kEthernet, [](PacketBuilder& b) { b.ethernet().vlan(5).pppoe(9).ppp(); }},
};

INSTANTIATE_TEST_SUITE_P(Decoder, EveryLinkLayer, ::testing::ValuesIn(kLinkCases),
                         [](const auto& each) { return each.param.name; });

TEST(DecoderLink, MplsMulticastIsReadAsUnicastIs) {
  PacketBuilder builder;
  builder.ethernet().mpls(16);
  TestPacket frame = add_udp(builder).build();
  frame.bytes[13] = 0x48;
  expect_the_udp_packet(decode(frame), 18);
}

TEST(DecoderLink, PppCarriesIpv6) {
  const Decoded decoded = decode(PacketBuilder().ppp().ipv6("2001:db8::1", "2001:db8::2").udp(1, 2));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.key.ip_version, 6);
}

TEST(DecoderLink, TheIpVersionCountsAndNotTheEtherType) {
  TestPacket frame = PacketBuilder().ethernet().ipv6("2001:db8::1", "2001:db8::2").udp(1, 2).build();
  frame.bytes[12] = 0x08;
  frame.bytes[13] = 0x00;
  const Decoded decoded = decode(frame);
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.key.ip_version, 6);
}

TEST(DecoderLink, LlcSnapLengthEndsThePacketBeforeThePadding) {
  PacketBuilder builder;
  builder.ethernet().llc_snap();
  const Decoded decoded = decode(add_udp(builder).padding(20));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.ip_size, kIpOctets);
  EXPECT_EQ(decoded.packet.size, 22 + kIpOctets + 20);
}

TEST(DecoderLink, PcapNumbersMapToTheirLinkTypes) {
  EXPECT_EQ(link_type_from_pcap(1), LinkType::kEthernet);
  EXPECT_EQ(link_type_from_pcap(0), LinkType::kNull);
  EXPECT_EQ(link_type_from_pcap(108), LinkType::kLoop);
  EXPECT_EQ(link_type_from_pcap(9), LinkType::kPpp);
  EXPECT_EQ(link_type_from_pcap(50), LinkType::kPpp);
  for (const int raw : {12, 14, 101, 228, 229}) EXPECT_EQ(link_type_from_pcap(raw), LinkType::kRawIp) << raw;
  EXPECT_EQ(link_type_from_pcap(113), LinkType::kLinuxCooked);
  EXPECT_EQ(link_type_from_pcap(276), LinkType::kLinuxCooked2);
  EXPECT_EQ(link_type_from_pcap(189), std::nullopt);  // 189 is USB
}

// VLAN ids are fields of the record even if they are not part of the key.
TEST(DecoderVlan, OneTagIsTheVlanId) {
  const Packet packet = decode(PacketBuilder().ethernet().vlan(100).ipv4("1.1.1.1", "2.2.2.2").udp(1, 2)).packet;
  EXPECT_EQ(packet.vlan_id, 100);
  EXPECT_EQ(packet.vlan_outer_id, 0);
}

TEST(DecoderVlan, OfSeveralTagsTheInnermostAndOutermostAreKept) {
  const Packet packet =
      decode(PacketBuilder().ethernet().vlan(100).vlan(200).vlan(300).ipv4("1.1.1.1", "2.2.2.2").udp(1, 2)).packet;
  EXPECT_EQ(packet.vlan_id, 300);
  EXPECT_EQ(packet.vlan_outer_id, 100);
}

TEST(DecoderVlan, PriorityAndDropBitsAreNoPartOfTheId) {
  const Packet packet = decode(PacketBuilder().ethernet().vlan(0xf123).ipv4("1.1.1.1", "2.2.2.2").udp(1, 2)).packet;
  EXPECT_EQ(packet.vlan_id, 0x123);
}

TEST(DecoderVlan, TagsInsideATunnelDoNotReplaceTheFramesOwn) {
  const Packet packet = decode(PacketBuilder()
                                   .ethernet()
                                   .vlan(100)
                                   .ipv4("1.1.1.1", "2.2.2.2")
                                   .udp(50000, 4789)
                                   .vxlan(7)
                                   .ethernet()
                                   .vlan(200)
                                   .ipv4("3.3.3.3", "4.4.4.4")
                                   .udp(1, 2))
                            .packet;
  EXPECT_EQ(packet.key.ip_src, address("3.3.3.3"));
  EXPECT_EQ(packet.vlan_id, 100);
}

struct KeyCase {
  std::string name;
  VlanKey choice;
  std::uint16_t outer;
  std::uint16_t inner;
};

class VlanKeyOfTwoTags : public ::testing::TestWithParam<KeyCase> {};

TEST_P(VlanKeyOfTwoTags, HoldsTheChosenIds) {
  const auto frame = PacketBuilder().ethernet().vlan(100, 0x88a8).vlan(200).ipv4("1.1.1.1", "2.2.2.2").udp(1, 2);
  const FlowKey key = decode(frame, TunnelSet::all(), GetParam().choice).packet.key;
  EXPECT_EQ(key.vlan_key_outer, GetParam().outer);
  EXPECT_EQ(key.vlan_key_inner, GetParam().inner);
}

INSTANTIATE_TEST_SUITE_P(Decoder, VlanKeyOfTwoTags,
                         ::testing::Values(KeyCase{"None", VlanKey::kNone, 0, 0},
                                           KeyCase{"Outer", VlanKey::kOuter, 100, 0},
                                           KeyCase{"Inner", VlanKey::kInner, 0, 200},
                                           KeyCase{"Both", VlanKey::kBoth, 100, 200}),
                         [](const auto& each) { return each.param.name; });

class VlanKeyOfOneTag : public ::testing::TestWithParam<KeyCase> {};

TEST_P(VlanKeyOfOneTag, HoldsTheChosenIds) {
  const auto frame = PacketBuilder().ethernet().vlan(100).ipv4("1.1.1.1", "2.2.2.2").udp(1, 2);
  const FlowKey key = decode(frame, TunnelSet::all(), GetParam().choice).packet.key;
  EXPECT_EQ(key.vlan_key_outer, GetParam().outer);
  EXPECT_EQ(key.vlan_key_inner, GetParam().inner);
}

INSTANTIATE_TEST_SUITE_P(Decoder, VlanKeyOfOneTag,
                         ::testing::Values(KeyCase{"None", VlanKey::kNone, 0, 0},
                                           KeyCase{"Outer", VlanKey::kOuter, 100, 0},
                                           KeyCase{"Inner", VlanKey::kInner, 0, 100},
                                           KeyCase{"Both", VlanKey::kBoth, 0, 100}),
                         [](const auto& each) { return each.param.name; });

TestPacket with_ether_type(TestPacket packet, std::uint16_t type) {
  packet.bytes[12] = static_cast<std::uint8_t>(type >> 8);
  packet.bytes[13] = static_cast<std::uint8_t>(type);
  return packet;
}

TEST(DecoderOddEtherType, AnIpv4PacketOfTheFramesLengthIsMetered) {
  TestPacket odd =
      with_ether_type(PacketBuilder().ethernet().ipv4("1.1.1.1", "2.2.2.2").udp(7, 8).payload(100).build(), 0x5500);
  const Decoded decoded = decode(odd);
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_TRUE(decoded.packet.odd_ether_type);
  EXPECT_EQ(decoded.packet.key.dst_port, 8);
  odd.bytes[17] = 127;  // the IP length is now one less than the octets after the Ethernet header
  EXPECT_EQ(decode(odd).outcome, Counter::kIgnoredUnknownEtherType);
}

TEST(DecoderOddEtherType, AShortPacketMayBeFilledUpToEthernetsLeast) {
  const Decoded decoded = decode(
      with_ether_type(PacketBuilder().ethernet().ipv4("1.1.1.1", "2.2.2.2").tcp(7, 8).padding(6).build(), 0x08c6));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.ip_size, 40U);
}

// Frames without IP count as ignored, not as malformed.
TEST(DecoderIgnored, ArpLldpAndSpanningTreeCarryNoIp) {
  const TestPacket frame = PacketBuilder().ethernet().payload(28).build();
  EXPECT_EQ(decode(with_ether_type(frame, 0x0806)).outcome, Counter::kIgnoredNotIp);
  EXPECT_EQ(decode(with_ether_type(frame, 0x88cc)).outcome, Counter::kIgnoredNotIp);
  TestPacket spanning_tree = PacketBuilder().ethernet().header({0x42, 0x42, 3}).payload(35).build();
  spanning_tree.bytes[13] = 38;
  EXPECT_EQ(decode(spanning_tree).outcome, Counter::kIgnoredNotIp);
}

TEST(DecoderIgnored, PppControlProtocolsCarryNoIp) {
  EXPECT_EQ(decode(PacketBuilder().ppp().patch(0, 0xc0).patch(1, 0x21).payload(8)).outcome, Counter::kIgnoredNotIp);
}

TEST(DecoderIgnored, AnMplsPayloadThatIsNeitherIpNorPseudowireCarriesNoIp) {
  EXPECT_EQ(decode(PacketBuilder().ethernet().mpls(16).header({0xf0, 0, 0, 0})).outcome, Counter::kIgnoredNotIp);
}

}  // namespace
}  // namespace spanflow::testing::link_layer_test

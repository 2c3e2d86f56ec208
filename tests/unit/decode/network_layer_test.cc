// Decodes IP and transport headers, fragments, padding and packets cut by the snap length.
#include <gmock/gmock.h>

#include "support/decoding.h"

namespace spanflow::testing::network_layer_test {
namespace {

PacketBuilder ip4() { return PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2"); }
PacketBuilder ip6() { return PacketBuilder().ethernet().ipv6("2001:db8::1", "2001:db8::2"); }

TEST(DecoderTcp, GivesPortsFlagsAndNumbers) {
  const Decoded decoded = decode(ip4().tcp(1234, 80).flags(0xd2).seq(0x01020304).ack_number(0xf1f2f3f4).payload("abc"));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  const Packet& packet = decoded.packet;
  EXPECT_EQ(packet.key.ip_protocol, protocol::kTcp);
  EXPECT_EQ(packet.key.src_port, 1234);
  EXPECT_EQ(packet.key.dst_port, 80);
  EXPECT_EQ(packet.tcp_flags, 0xd2);
  EXPECT_EQ(packet.tcp_seq, 0x01020304U);
  EXPECT_EQ(packet.tcp_ack, 0xf1f2f3f4U);
  EXPECT_EQ(packet.size, 14U + 20 + 20 + 3);
  EXPECT_EQ(packet.ip_size, 43U);
  EXPECT_EQ(packet.transport_size, 23U);
  EXPECT_EQ(packet.payload_size, 3U);
}

TEST(DecoderTcp, OptionsAreNoPayload) {
  EXPECT_EQ(decode(ip4().tcp(1, 2).tcp_options(12).payload(7)).packet.payload_size, 7U);
}

TEST(DecoderTcp, AHeaderThatLiesAboutItsLengthLeavesNoPayload) {
  const Decoded decoded = decode(ip4().tcp(1, 2).patch(12, 0xf0).payload(7));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.payload_size, 0U);
}

TEST(DecoderTcp, AHeaderThatASnapLengthCutMayBeLongerThanWhatIsLeft) {
  const Decoded decoded = decode(ip4().tcp(1, 2).tcp_options(40).payload(7).snap(14 + 20 + 20));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.payload_size, 7U);
}

TEST(DecoderTcp, AHeaderCutBehindThePortsStillBelongsToItsFlow) {
  const Decoded decoded = decode(ip4().tcp(1234, 80).syn().payload(100).snap(14 + 20 + 4));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.key.dst_port, 80);
  EXPECT_EQ(decoded.packet.tcp_flags, 0);
  EXPECT_EQ(decoded.packet.payload_size, 100U);
}

TEST(DecoderTcp, GivesTheWindowWhereItsHeaderWasCaptured) {
  const auto packet = PacketBuilder().ipv4("1.1.1.1", "2.2.2.2").tcp(1, 2).patch(14, 0x12).patch(15, 0x34);
  const Packet whole = decode(packet).packet;
  EXPECT_TRUE(whole.has_tcp_window);
  EXPECT_EQ(whole.tcp_window, 0x1234);
  const Packet cut = decode(packet.build().cut_to(20 + 15)).packet;
  EXPECT_FALSE(cut.has_tcp_window);
  EXPECT_EQ(cut.tcp_flags, tcp::kAck);
}

TEST(DecoderIp, GivesTheTtlOrHopLimitOfThePacketThatIsMetered) {
  EXPECT_EQ(decode(PacketBuilder().ipv4("1.1.1.1", "2.2.2.2").patch(8, 7).udp(1, 2)).packet.ttl, 7);
  EXPECT_EQ(decode(PacketBuilder().ipv6("::1", "::2").patch(7, 8).udp(1, 2)).packet.ttl, 8);
  EXPECT_EQ(
      decode(
          PacketBuilder().ipv4("1.1.1.1", "2.2.2.2").patch(8, 7).gre().ipv4("3.3.3.3", "4.4.4.4").patch(8, 9).udp(1, 2))
          .packet.ttl,
      9);
}

TEST(DecoderUdp, GivesPortsAndPayload) {
  const Decoded decoded = decode(ip4().udp(5353, 53).payload(9));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.key.ip_protocol, protocol::kUdp);
  EXPECT_EQ(decoded.packet.key.src_port, 5353);
  EXPECT_EQ(decoded.packet.key.dst_port, 53);
  EXPECT_EQ(decoded.packet.payload_size, 9U);
}

TEST(DecoderSctp, GivesPortsAndWhatFollowsTheCommonHeader) {
  const Decoded decoded = decode(ip4().sctp(36412, 38412).payload(16));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.key.ip_protocol, protocol::kSctp);
  EXPECT_EQ(decoded.packet.key.src_port, 36412);
  EXPECT_EQ(decoded.packet.key.dst_port, 38412);
  EXPECT_EQ(decoded.packet.payload_size, 16U);
}

TEST(DecoderIcmp, GivesTypeAndCodeAndNoPorts) {
  const Decoded decoded = decode(ip4().icmp(3, 1).payload(28));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.icmp_type, 3);
  EXPECT_EQ(decoded.packet.icmp_code, 1);
  EXPECT_EQ(decoded.packet.key.src_port, 0);
  EXPECT_EQ(decoded.packet.key.dst_port, 0);
  EXPECT_EQ(decoded.packet.payload_size, 28U);
}

TEST(DecoderIcmp, Version6GivesTypeAndCodeToo) {
  const Decoded decoded = decode(ip6().icmpv6(135, 2).payload(24));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.key.ip_protocol, protocol::kIcmpv6);
  EXPECT_EQ(decoded.packet.icmp_type, 135);
  EXPECT_EQ(decoded.packet.icmp_code, 2);
}

TEST(DecoderOther, AProtocolWithoutPortsIsMeteredByItsNumber) {
  const Decoded decoded = decode(ip4().ip_protocol(89).payload(44));  // 89 is OSPF
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.key.ip_protocol, 89);
  EXPECT_EQ(decoded.packet.key.src_port, 0);
  EXPECT_EQ(decoded.packet.payload_size, 44U);
}

TEST(DecoderIpv4, OptionsAreSkipped) {
  const Decoded decoded = decode(ip4().ip_options(8).tcp(1234, 80).payload(4));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.key.dst_port, 80);
  EXPECT_EQ(decoded.packet.ip_size, 52U);
  EXPECT_EQ(decoded.packet.transport_size, 24U);
}

TEST(DecoderIpv4, EthernetPaddingIsNoPartOfThePacket) {
  const Packet packet = decode(ip4().tcp(1, 2).padding(6)).packet;
  EXPECT_EQ(packet.size, 60U);
  EXPECT_EQ(packet.ip_size, 40U);
  EXPECT_EQ(packet.transport_size, 20U);
  EXPECT_EQ(packet.payload_size, 0U);
  EXPECT_EQ(packet.ip_captured, 40U);
}

TEST(DecoderIpv6, EthernetPaddingIsNoPartOfThePacket) {
  const Packet packet = decode(ip6().udp(1, 2).padding(6)).packet;
  EXPECT_EQ(packet.size, 14U + 48 + 6);
  EXPECT_EQ(packet.ip_size, 48U);
  EXPECT_EQ(packet.payload_size, 0U);
}

TEST(DecoderIpv4, LengthZeroMeansTheRestOfTheFrame) {
  const Decoded decoded = decode(ip4().ip_length(0).tcp(1, 2).payload(5000));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.ip_size, 5040U);
  EXPECT_EQ(decoded.packet.payload_size, 5000U);
}

TEST(DecoderIpv6, LengthZeroMeansTheRestOfTheFrame) {
  const Decoded decoded = decode(ip6().ip_length(0).tcp(1, 2).payload(5000));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.ip_size, 5060U);
  EXPECT_EQ(decoded.packet.payload_size, 5000U);
}

TEST(DecoderSlicing, TheIpHeaderSaysWhatTheFrameNoLongerHolds) {
  for (const Decoded& decoded :
       {decode(ip4().ip_length(1500).udp(1, 2).payload(100)), decode(ip6().ip_length(1460).udp(1, 2).payload(100))}) {
    ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
    const Packet& packet = decoded.packet;
    const std::uint32_t header = packet.key.ip_version == 4 ? 20 : 40;
    EXPECT_TRUE(packet.sliced);
    EXPECT_EQ(packet.size, 14 + header + 8 + 100);
    EXPECT_EQ(packet.ip_size, 1500U);
    EXPECT_EQ(packet.transport_size, 1500 - header);
    EXPECT_EQ(packet.payload_size, 1500 - header - 8);
    EXPECT_EQ(packet.ip_captured, header + 8 + 100);
  }
}

TEST(DecoderSlicing, ASnapLengthIsNone) { EXPECT_FALSE(decode(ip4().tcp(1, 2).payload(100).snap(60)).packet.sliced); }

TEST(DecoderSlicing, AMirroredFrameMayBeSlicedInsideErspan) {
  const Packet packet =
      decode(ip4().erspan2(5).ethernet().ipv4("3.3.3.3", "4.4.4.4").ip_length(1500).udp(7, 8).payload(9)).packet;
  EXPECT_EQ(packet.key.src_port, 7);
  EXPECT_EQ(packet.ip_size, 1500U);
  EXPECT_TRUE(packet.sliced);
}

TEST(DecoderSlicing, AnInnerLengthThatATunnelCannotHoldMeansThatThisIsNoTunnel) {
  const Packet packet =
      decode(ip4().udp(9, 4789).vxlan(1).ethernet().ipv4("3.3.3.3", "4.4.4.4").ip_length(1500).udp(7, 8)).packet;
  EXPECT_EQ(packet.key.dst_port, 4789);
  EXPECT_EQ(packet.key.tunnel_type, TunnelType::kNone);
}

TEST(DecoderSnapLength, SizesAreThoseOnTheWire) {
  const Decoded decoded = decode(ip4().tcp(1, 2).payload(1000).snap(96));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  const Packet& packet = decoded.packet;
  EXPECT_EQ(packet.size, 1054U);
  EXPECT_EQ(packet.ip_size, 1040U);
  EXPECT_EQ(packet.transport_size, 1020U);
  EXPECT_EQ(packet.payload_size, 1000U);
  EXPECT_EQ(packet.ip_captured, 82U);
}

TEST(DecoderSnapLength, InsideATunnelSizesAreThoseOnTheWireToo) {
  const Decoded decoded = decode(ip4().gre().ipv4("1.1.1.1", "2.2.2.2").udp(1, 2).payload(500).snap(70));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.ip_size, 528U);
  EXPECT_EQ(decoded.packet.ip_captured, 70U - 14 - 20 - 4);
}

TEST(DecoderFragments, TheFirstHasPorts) {
  const Decoded decoded = decode(ip4().fragment(0, true).udp(1000, 2000).payload(100));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.key.src_port, 1000);
  EXPECT_FALSE(decoded.packet.later_fragment);
}

TEST(DecoderFragments, ALaterOneHasNoPortsAndCountsWhole) {
  const Decoded decoded = decode(ip4().fragment(1480, false).udp(1000, 2000).payload(100));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_TRUE(decoded.packet.later_fragment);
  EXPECT_EQ(decoded.packet.key.ip_protocol, protocol::kUdp);
  EXPECT_EQ(decoded.packet.key.src_port, 0);
  EXPECT_EQ(decoded.packet.key.dst_port, 0);
  EXPECT_EQ(decoded.packet.transport_size, 108U);
  EXPECT_EQ(decoded.packet.payload_size, 108U);
}

TEST(DecoderFragments, ALaterOneIsNoTunnel) {
  const auto frame = ip4().fragment(1480, false).gre().ipv4("1.1.1.1", "2.2.2.2").udp(1, 2);
  const Decoded decoded = decode(frame);
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.key.ip_protocol, protocol::kGre);
}

TEST(DecoderFragments, OfIpv6TheFirstHasPorts) {
  const Decoded decoded = decode(ip6().fragment_header(0, true).udp(1000, 2000));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.key.src_port, 1000);
  EXPECT_FALSE(decoded.packet.later_fragment);
}

TEST(DecoderFragments, OfIpv6ALaterOneHasNoPorts) {
  const Decoded decoded = decode(ip6().fragment_header(1448, false).udp(1000, 2000));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_TRUE(decoded.packet.later_fragment);
  EXPECT_EQ(decoded.packet.key.ip_protocol, protocol::kUdp);
  EXPECT_EQ(decoded.packet.key.src_port, 0);
}

TEST(DecoderIpv6, AChainOfExtensionHeadersIsSkipped) {
  const auto frame = ip6()
                         .extension(0, 8)    // hop-by-hop
                         .extension(60, 24)  // destination options
                         .extension(43, 16)  // routing
                         .fragment_header(0, false)
                         .authentication_header()
                         .extension(135)  // mobility
                         .extension(139)  // HIP
                         .extension(140)  // shim6
                         .tcp(1234, 443)
                         .payload(3);
  const Decoded decoded = decode(frame);
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.key.ip_protocol, protocol::kTcp);
  EXPECT_EQ(decoded.packet.key.src_port, 1234);
  EXPECT_EQ(decoded.packet.key.dst_port, 443);
  EXPECT_EQ(decoded.packet.ip_size, 40U + 8 + 24 + 16 + 8 + 24 + 8 + 8 + 8 + 20 + 3);
  EXPECT_EQ(decoded.packet.transport_size, 23U);
  EXPECT_EQ(decoded.packet.payload_size, 3U);
}

TEST(DecoderIpv6, NoNextHeaderIsMetered) {
  const Decoded decoded = decode(ip6().ip_protocol(59));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.key.ip_protocol, 59);
  EXPECT_EQ(decoded.packet.payload_size, 0U);
}

TEST(DecoderKey, AnIpv4AddressIsZeroPadded) {
  const FlowKey key = decode(ip4().udp(1, 2)).packet.key;
  for (std::size_t i = 4; i < 16; ++i) {
    EXPECT_EQ(key.ip_src.bytes[i], 0);
    EXPECT_EQ(key.ip_dst.bytes[i], 0);
  }
  EXPECT_EQ(key.unused, 0);
}

TEST(DecoderKey, NothingOfAnEarlierPacketStays) {
  const Decoder decoder(TunnelSet::all(), VlanKey::kBoth);
  Packet packet;
  const TestPacket rich = ip6().extension(0).tcp(7, 8).syn().seq(9).payload(4).build();
  ASSERT_EQ(decoder.decode(rich.raw(), rich.link_type, packet), Counter::kPacketsMetered);
  const TestPacket plain = ip4().ip_protocol(89).build();
  ASSERT_EQ(decoder.decode(plain.raw(), plain.link_type, packet), Counter::kPacketsMetered);
  EXPECT_EQ(packet.tcp_flags, 0);
  EXPECT_EQ(packet.tcp_seq, 0U);
  EXPECT_EQ(packet.key.src_port, 0);
  EXPECT_EQ(packet.key.ip_src, address("10.0.0.1"));
}

}  // namespace
}  // namespace spanflow::testing::network_layer_test

// Tests that a tunnel is decoded if its option is on, and that the outer packet is metered if the option is off or the
// tunnel cannot be read.
#include <gmock/gmock.h>

#include <string>

#include "decode/tunnel_names.h"
#include "support/decoding.h"

namespace spanflow::testing::tunnels_test {
namespace {

PacketBuilder outer() { return PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2"); }
PacketBuilder inner(PacketBuilder builder) {
  return builder.ipv4("192.168.0.1", "192.168.0.2").tcp(1234, 80).payload(5);
}

TunnelSet only(TunnelType type) {
  TunnelSet set = TunnelSet::none();
  set.add(type);
  return set;
}

TunnelSet all_but(TunnelType type) {
  TunnelSet set = TunnelSet::none();
  for (const auto& [each, name] : tunnel_names()) {
    if (each != type) set.add(each);
  }
  return set;
}

struct TunnelCase {
  std::string name;
  TunnelType type;
  std::uint32_t key;  // part of the flow key, so it must be equal in both directions; 0: none
  std::uint32_t id;   // not part of the flow key, because each direction may have its own value; 0: none
  std::uint8_t outer_protocol;
  PacketBuilder frame;
};

class EveryTunnel : public ::testing::TestWithParam<TunnelCase> {
 protected:
  void expect_inner(TunnelSet tunnels) const {
    const Decoded decoded = decode(GetParam().frame, tunnels);
    ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
    const Packet& packet = decoded.packet;
    EXPECT_EQ(packet.key.ip_src, address("192.168.0.1"));
    EXPECT_EQ(packet.key.ip_dst, address("192.168.0.2"));
    EXPECT_EQ(packet.key.src_port, 1234);
    EXPECT_EQ(packet.key.dst_port, 80);
    EXPECT_EQ(packet.key.ip_protocol, protocol::kTcp);
    EXPECT_EQ(packet.key.tunnel_type, GetParam().type);
    EXPECT_EQ(packet.key.tunnel_key, GetParam().key);
    EXPECT_EQ(packet.tunnel_id, GetParam().id);
    EXPECT_EQ(packet.ip_size, 45U);
    EXPECT_EQ(packet.size, GetParam().frame.build().bytes.size());
  }

  void expect_outer(TunnelSet tunnels) const {
    const Decoded decoded = decode(GetParam().frame, tunnels);
    ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
    const Packet& packet = decoded.packet;
    EXPECT_EQ(packet.key.ip_src, address("10.0.0.1"));
    EXPECT_EQ(packet.key.ip_protocol, GetParam().outer_protocol);
    EXPECT_EQ(packet.key.tunnel_type, TunnelType::kNone);
    EXPECT_EQ(packet.key.tunnel_key, 0U);
    EXPECT_EQ(packet.tunnel_id, 0U);
    EXPECT_EQ(packet.ip_size, GetParam().frame.build().bytes.size() - 14);
  }
};

TEST_P(EveryTunnel, IsEnteredWhenItIsOn) {
  expect_inner(TunnelSet::all());
  expect_inner(only(GetParam().type));
}

TEST_P(EveryTunnel, IsMeteredAsTheOuterPacketWhenItIsOff) {
  expect_outer(TunnelSet::none());
  expect_outer(all_but(GetParam().type));
}

const TunnelCase kTunnels[] = {
    {"Ipip", TunnelType::kIpip, 0, 0, 4, inner(outer())},
    {"Gre", TunnelType::kGre, 0, 0, 47, inner(outer().gre())},
    {"GreWithKey", TunnelType::kGre, 0, 0xabcdef01, 47, inner(outer().gre_with_key(0xabcdef01))},
    {"GreWithEverything", TunnelType::kGre, 0, 99, 47, inner(outer().gre_with_everything(99))},
    {"GreWithRouting", TunnelType::kGre, 0, 7, 47, inner(outer().gre_with_routing(7))},
    {"GreBridging", TunnelType::kGre, 0, 0, 47, inner(outer().gre().ethernet())},
    {"GreMpls", TunnelType::kGre, 0, 0, 47, inner(outer().gre().mpls(16))},
    {"Erspan1", TunnelType::kErspan, 0, 0, 47, inner(outer().erspan1().ethernet())},
    {"Erspan2", TunnelType::kErspan, 0, 513, 47, inner(outer().erspan2(513).ethernet())},
    {"Erspan3", TunnelType::kErspan, 0, 1023, 47, inner(outer().erspan3(1023).ethernet())},
    {"Erspan3WithSubheader", TunnelType::kErspan, 0, 1, 47, inner(outer().erspan3(1, true).ethernet().vlan(4))},
    {"Vxlan", TunnelType::kVxlan, 0xabcdef, 0, 17, inner(outer().udp(50000, 4789).vxlan(0xabcdef).ethernet())},
    {"VxlanOnLinuxPort", TunnelType::kVxlan, 1, 0, 17, inner(outer().udp(50000, 8472).vxlan(1).ethernet())},
    {"Geneve", TunnelType::kGeneve, 0x123456, 0, 17, inner(outer().udp(50000, 6081).geneve(0x123456).ethernet())},
    {"GeneveWithOptions", TunnelType::kGeneve, 2, 0, 17, inner(outer().udp(50000, 6081).geneve(2, 16).ethernet())},
    {"GeneveIp", TunnelType::kGeneve, 3, 0, 17, inner(outer().udp(50000, 6081).geneve(3))},
    {"Gtp", TunnelType::kGtp, 0, 0x01020304, 17, inner(outer().udp(2152, 2152).gtp(0x01020304))},
    {"GtpOneOfThePorts", TunnelType::kGtp, 0, 5, 17, inner(outer().udp(2152, 40000).gtp(5))},
    {"GtpWithExtension", TunnelType::kGtp, 0, 6, 17, inner(outer().udp(2152, 2152).gtp_with_extension(6))},
    {"Capwap", TunnelType::kCapwap, 0, 0, 17, inner(outer().udp(5247, 40000).capwap().ethernet())},
    {"Capwap80211", TunnelType::kCapwap, 0, 0, 17, inner(outer().udp(40000, 5247).capwap_80211())},
    {"VxlanGpe", TunnelType::kVxlan, 7, 0, 17,
     inner(outer().udp(50000, 4790).header({0x0c, 0, 0, 3, 0, 0, 7, 0}).ethernet())},
    {"VxlanGpeIpOnVxlanPort", TunnelType::kVxlan, 7, 0, 17,
     inner(outer().udp(50000, 4789).header({0x0c, 0, 0, 1, 0, 0, 7, 0}))},
    {"VxlanGpeNsh", TunnelType::kVxlan, 7, 0, 17,
     inner(outer().udp(50000, 4790).header({0x0c, 0, 0, 4, 0, 0, 7, 0, 0x0f, 0xc2, 2, 1, 0, 0, 1, 255}))},
    {"VxlanGpeMpls", TunnelType::kVxlan, 7, 0, 17,
     inner(outer().udp(50000, 4790).header({0x0c, 0, 0, 5, 0, 0, 7, 0, 0, 1, 1, 64}))},
    {"GreInUdp", TunnelType::kGre, 0, 0, 17, inner(outer().udp(50000, 4754).header({0, 0, 8, 0}))},
    {"GreWccp1", TunnelType::kGre, 0, 0, 47, inner(outer().ip_protocol(47).header({0, 0, 0x88, 0x3e}))},
    {"GreWccp2", TunnelType::kGre, 0, 0, 47, inner(outer().ip_protocol(47).header({0, 0, 0x88, 0x3e, 0, 0, 0, 0}))},
    {"GreNsh", TunnelType::kGre, 0, 0, 47,
     inner(outer().ip_protocol(47).header({0, 0, 0x89, 0x4f, 0x0f, 0xc2, 2, 1, 0, 0, 1, 255}))},
    {"L2tp2", TunnelType::kL2tp, 0, 0x00050006, 17,
     inner(outer().udp(1701, 1701).header({0, 2, 0, 5, 0, 6, 0xff, 3, 0, 0x21}))},
    {"L2tp2WithEverything", TunnelType::kL2tp, 0, 0x00050006, 17,
     inner(outer().udp(1701, 40000).header({0x4a, 2, 0, 99, 0, 5, 0, 6, 0, 1, 0, 2, 0, 2, 0, 0, 0xff, 3, 0, 0x21}))},
    {"L2tp3", TunnelType::kL2tp, 0, 9, 115, inner(outer().ip_protocol(115).header({0, 0, 0, 9}).ethernet())},
    {"L2tp3WithCookie", TunnelType::kL2tp, 0, 9, 115,
     inner(outer().ip_protocol(115).header({0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8}).ethernet())},
    {"L2tp3InUdp", TunnelType::kL2tp, 0, 9, 17,
     inner(outer().udp(1701, 1701).header({0, 3, 0, 0, 0, 0, 0, 9, 1, 2, 3, 4}).ethernet())},
    {"Pptp", TunnelType::kPptp, 0, 0x0506, 47,
     inner(outer().ip_protocol(47).header({0x30, 1, 0x88, 0x0b, 0, 45, 5, 6, 0, 0, 0, 1, 0xff, 3, 0, 0x21}))},
    {"PptpWithAcknowledgment", TunnelType::kPptp, 0, 0x0506, 47,
     inner(outer().ip_protocol(47).header(
         {0x30, 0x81, 0x88, 0x0b, 0, 45, 5, 6, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 3, 0, 0x21}))},
    {"Etherip", TunnelType::kEtherip, 0, 0, 97, inner(outer().ip_protocol(97).header({0x30, 0}).ethernet())},
    {"MplsInIp", TunnelType::kMpls, 0, 0, 137, inner(outer().ip_protocol(137).header({0, 1, 1, 64}))},
    {"MplsInUdp", TunnelType::kMpls, 0, 0, 17, inner(outer().udp(50000, 6635).header({0, 1, 1, 64}))},
    {"Tzsp", TunnelType::kTzsp, 0, 0, 17, inner(outer().udp(50000, 37008).header({1, 0, 0, 1, 1}).ethernet())},
    {"TzspWithTags", TunnelType::kTzsp, 0, 0, 17,
     inner(outer().udp(50000, 37008).header({1, 0, 0, 1, 0, 10, 1, 200, 1}).ethernet())},
};

INSTANTIATE_TEST_SUITE_P(Decoder, EveryTunnel, ::testing::ValuesIn(kTunnels),
                         [](const auto& each) { return each.param.name; });

TEST(Tunnels, EveryTypeIsReachedByACase) {
  for (const auto& [type, name] : tunnel_names()) {
    if (type == TunnelType::kTeredo) continue;  // Teredo carries IPv6 only, see below
    const auto is_type = [type = type](const TunnelCase& each) { return each.type == type; };
    EXPECT_TRUE(std::any_of(std::begin(kTunnels), std::end(kTunnels), is_type)) << name;
  }
}

// Expects that the outer packet is metered, because the frame is not a tunnel after all or its inner packet cannot be
// read.
void expect_outer_of(const PacketBuilder& frame, std::uint8_t outer_protocol) {
  const Decoded decoded = decode(frame);
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.key.ip_src, address("10.0.0.1"));
  EXPECT_EQ(decoded.packet.key.ip_protocol, outer_protocol);
  EXPECT_EQ(decoded.packet.key.tunnel_type, TunnelType::kNone);
  EXPECT_EQ(decoded.packet.tunnel_id, 0U);
}

TEST(UnreadableTunnel, IpOfNoVersionInsideGreIsTheOuterPacket) {
  expect_outer_of(outer().gre_with_key(9).ipv4("1.1.1.1", "2.2.2.2").patch(0, 0x95), protocol::kGre);
}

TEST(UnreadableTunnel, ArpInsideVxlanIsTheOuterPacket) {
  const PacketBuilder arp = outer().udp(50000, 4789).vxlan(7).ethernet().patch(12, 8).patch(13, 6).payload(28);
  expect_outer_of(arp, protocol::kUdp);
  EXPECT_EQ(decode(arp).packet.key.dst_port, 4789);
  EXPECT_EQ(decode(arp).packet.key.tunnel_key, 0U);
}

TEST(UnreadableTunnel, ASnapLengthInsideTheInnerHeaderIsTheOuterPacket) {
  expect_outer_of(inner(outer().gre()).snap(14 + 20 + 4 + 10), protocol::kGre);
}

// Regression: the subheader was skipped without checking that it had been captured.
TEST(UnreadableTunnel, AnErspan3SubheaderCutByTheSnapLengthIsTheOuterPacket) {
  const PacketBuilder frame = outer().erspan3(1, true).ethernet().ipv4("1.1.1.1", "2.2.2.2").udp(1, 2);
  expect_outer_of(PacketBuilder(frame).snap(14 + 20 + 8 + 12), protocol::kGre);
  expect_outer_of(PacketBuilder(frame).snap(14 + 20 + 8 + 19), protocol::kGre);
}

TEST(UnreadableTunnel, PptpWithoutItsKeyIsTheOuterPacket) {
  expect_outer_of(inner(outer().gre().patch(1, 0x01)), protocol::kGre);
}

TEST(UnreadableTunnel, ControlMessagesAreTheOuterPacket) {
  expect_outer_of(outer().udp(1701, 1701).header({0xc8, 2, 0, 12, 0, 5, 0, 6, 0, 0, 0, 0}), protocol::kUdp);
  expect_outer_of(outer().ip_protocol(115).header({0, 0, 0, 0, 0xc8, 3, 0, 12, 0, 0, 0, 5}), protocol::kL2tp);
}

TEST(Teredo, Ipv6IsEnteredWithAndWithoutIndications) {
  const Bytes authentication = {0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0};
  const Bytes origin = {0, 0, 1, 2, 3, 4, 5, 6};
  Bytes both = authentication;
  both.insert(both.end(), origin.begin(), origin.end());
  for (const Bytes& indications : {Bytes{}, authentication, origin, both}) {
    const PacketBuilder frame = outer().udp(3544, 50000).header(indications).ipv6("2001::1", "2001::2").udp(1, 2);
    const Packet packet = decode(frame).packet;
    EXPECT_EQ(packet.key.tunnel_type, TunnelType::kTeredo) << indications.size();
    EXPECT_EQ(packet.key.ip_src, address("2001::1"));
  }
  expect_outer_of(outer().udp(3544, 50000).payload("this is no IPv6 packet, although it is long enough for one"),
                  protocol::kUdp);
}

TEST(TunnelPorts, AnOptionReplacesTheUsualPorts) {
  const Decoder decoder(TunnelSet::all(), VlanKey::kInner,
                        {{TunnelType::kVxlan, {5000, 6000}}, {TunnelType::kGtp, {}}});
  const auto tunnel_of = [&](const PacketBuilder& builder) {
    const TestPacket frame = builder.build();
    Packet packet;
    EXPECT_EQ(decoder.decode(frame.raw(), frame.link_type, packet), Counter::kPacketsMetered);
    return packet.key.tunnel_type;
  };
  EXPECT_EQ(tunnel_of(inner(outer().udp(1, 5000).vxlan(1).ethernet())), TunnelType::kVxlan);
  EXPECT_EQ(tunnel_of(inner(outer().udp(1, 6000).vxlan(1).ethernet())), TunnelType::kVxlan);
  EXPECT_EQ(tunnel_of(inner(outer().udp(1, 4789).vxlan(1).ethernet())), TunnelType::kNone);
  EXPECT_EQ(tunnel_of(inner(outer().udp(2152, 2152).gtp(1))), TunnelType::kNone);
  EXPECT_EQ(tunnel_of(inner(outer().udp(1, 6081).geneve(2).ethernet())), TunnelType::kGeneve);
}

TEST(UnreadableTunnel, GtpSignallingIsTheOuterPacket) {
  // Message type 1 is an echo request.
  expect_outer_of(inner(outer().udp(2152, 2152).gtp(1).patch(1, 1)), protocol::kUdp);
}

TEST(UnreadableTunnel, EncryptedCapwapIsTheOuterPacket) {
  expect_outer_of(inner(outer().udp(5247, 1).capwap().patch(0, 1).ethernet()), protocol::kUdp);
}

TEST(UnreadableTunnel, ACapwapFragmentIsTheOuterPacket) {
  expect_outer_of(inner(outer().udp(5247, 1).capwap().patch(3, 0x80).ethernet()), protocol::kUdp);
}

TEST(UnreadableTunnel, AProtected80211FrameIsTheOuterPacket) {
  expect_outer_of(inner(outer().udp(5247, 1).capwap_80211().patch(1, 0x41)), protocol::kUdp);
}

TEST(UnreadableTunnel, A80211ManagementFrameIsTheOuterPacket) {
  expect_outer_of(inner(outer().udp(5247, 1).capwap_80211().patch(0, 0x80)), protocol::kUdp);
}

TEST(UnreadableTunnel, VxlanWithoutItsFlagIsTheOuterPacket) {
  expect_outer_of(inner(outer().udp(1, 4789).vxlan(1).patch(0, 0).ethernet()), protocol::kUdp);
}

TEST(UnreadableTunnel, GeneveOfAnotherVersionIsTheOuterPacket) {
  expect_outer_of(inner(outer().udp(1, 6081).geneve(1).patch(0, 0x40).ethernet()), protocol::kUdp);
}

TEST(UnreadableTunnel, TheVxlanPortAsSourceIsNoTunnel) {
  expect_outer_of(inner(outer().udp(4789, 50000).vxlan(1).ethernet()), protocol::kUdp);
}

TEST(Tunnel80211, SwappedFrameControlIsRead) {
  const Decoded decoded = decode(inner(outer().udp(5247, 1).capwap_80211().patch(0, 0x01).patch(1, 0x88)));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.key.ip_src, address("192.168.0.1"));
}

TEST(NestedTunnels, TheInnermostPacketAndItsTunnelCount) {
  const Decoded decoded =
      decode(inner(outer().gre_with_key(1).ipv4("172.16.0.1", "172.16.0.2").udp(9, 4789).vxlan(42).ethernet()));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.key.ip_src, address("192.168.0.1"));
  EXPECT_EQ(decoded.packet.key.tunnel_type, TunnelType::kVxlan);
  EXPECT_EQ(decoded.packet.key.tunnel_key, 42U);
  EXPECT_EQ(decoded.packet.tunnel_id, 0U);
}

TEST(NestedTunnels, AnUnreadableInnermostPacketLeavesTheOneAroundIt) {
  const Decoded decoded = decode(outer()
                                     .gre_with_key(1)
                                     .ipv4("172.16.0.1", "172.16.0.2")
                                     .udp(9, 4789)
                                     .vxlan(42)
                                     .ethernet()
                                     .ipv4("1.1.1.1", "2.2.2.2")
                                     .patch(0, 0x95));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.key.ip_src, address("172.16.0.1"));
  EXPECT_EQ(decoded.packet.key.tunnel_type, TunnelType::kGre);
  EXPECT_EQ(decoded.packet.tunnel_id, 1U);
}

TEST(NestedTunnels, IpNestedForEverIsMeteredAtTheBound) {
  PacketBuilder builder;
  for (int i = 1; i <= 20; ++i) builder.ipv4("10.0.0." + std::to_string(i), "10.1.0.1");
  const Decoded decoded = decode(builder.udp(1, 2));
  ASSERT_EQ(decoded.outcome, Counter::kPacketsMetered);
  EXPECT_EQ(decoded.packet.key.ip_src,
            address("10.0.0.7"));  // the decoder stops after eight IP headers and meters the packet around the eighth
}

}  // namespace
}  // namespace spanflow::testing::tunnels_test

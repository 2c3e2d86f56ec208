// Tests every reason why a frame cannot be metered. Also tests that the decoder never reads beyond the end of a frame.
#include <gmock/gmock.h>

#include <functional>
#include <random>
#include <string>

#include "support/decoding.h"

namespace spanflow::testing::malformed_test {
namespace {

PacketBuilder ip4() { return PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2"); }
PacketBuilder ip6() { return PacketBuilder().ethernet().ipv6("2001:db8::1", "2001:db8::2"); }

PacketBuilder nested_ethernet(int depth) {
  PacketBuilder builder;
  for (int i = 0; i < depth; ++i) builder.ethernet();
  return builder.ipv4("10.0.0.1", "10.0.0.2").udp(1, 2);
}

PacketBuilder chain_of_extensions(int count) {
  PacketBuilder builder = ip6();
  for (int i = 0; i < count; ++i) builder.extension(60);
  return builder.udp(1, 2);
}

struct MalformedCase {
  std::string name;
  Counter reason;
  PacketBuilder frame;
};

class MalformedFrame : public ::testing::TestWithParam<MalformedCase> {};

TEST_P(MalformedFrame, IsCountedByItsReason) {
  const Counter outcome = decode(GetParam().frame).outcome;
  EXPECT_EQ(info(outcome).name, info(GetParam().reason).name);
}

const MalformedCase kCases[] = {
    {"Empty", Counter::kMalformedLink, PacketBuilder().ethernet().snap(0)},
    {"CutInEthernet", Counter::kMalformedLink, ip4().snap(13)},
    {"CutInVlanTag", Counter::kMalformedLink, PacketBuilder().ethernet().vlan(1).ipv4("1.1.1.1", "2.2.2.2").snap(17)},
    {"CutInMplsLabel", Counter::kMalformedLink,
     PacketBuilder().ethernet().mpls(16).ipv4("1.1.1.1", "2.2.2.2").snap(17)},
    {"CutBehindMplsLabel", Counter::kMalformedLink,
     PacketBuilder().ethernet().mpls(16).ipv4("1.1.1.1", "2.2.2.2").snap(18)},
    {"CutInControlWord", Counter::kMalformedLink,
     PacketBuilder().ethernet().mpls(16).control_word().ethernet().snap(21)},
    {"CutInPppoe", Counter::kMalformedLink, PacketBuilder().ethernet().pppoe(1).ppp().snap(19)},
    {"CutInPpp", Counter::kMalformedLink, PacketBuilder().ethernet().pppoe(1).ppp().snap(21)},
    {"CutInLinuxCooked", Counter::kMalformedLink, PacketBuilder().linux_cooked().ipv4("1.1.1.1", "2.2.2.2").snap(15)},
    {"CutInLinuxCooked2", Counter::kMalformedLink, PacketBuilder().linux_cooked2().ipv4("1.1.1.1", "2.2.2.2").snap(19)},
    {"CutInNullHeader", Counter::kMalformedLink, PacketBuilder().null_link().ipv4("1.1.1.1", "2.2.2.2").snap(3)},
    {"NoIpHeaderAtAll", Counter::kMalformedIpHeader, ip4().snap(14)},
    {"CutInIpv4Header", Counter::kMalformedIpHeader, ip4().snap(14 + 19)},
    {"CutInIpv6Header", Counter::kMalformedIpHeader, ip6().snap(14 + 39)},
    {"Ipv4HeaderLengthBelow5", Counter::kMalformedIpHeader, ip4().patch(0, 0x44).udp(1, 2)},
    {"CutInIpv4Options", Counter::kMalformedIpHeader, ip4().ip_options(12).udp(1, 2).snap(14 + 28)},
    {"NeitherVersion", Counter::kMalformedIpVersion, ip4().patch(0, 0x55).udp(1, 2)},
    {"NeitherVersionOnRawIp", Counter::kMalformedIpVersion,
     PacketBuilder().raw_ip().ipv4("1.1.1.1", "2.2.2.2").patch(0, 0x05)},
    {"LongerThanAnyLinkCarries", Counter::kMalformedIpLength, ip4().ip_length(9217).udp(1, 2)},
    {"Ipv4LengthBelowItsHeader", Counter::kMalformedIpLength, ip4().ip_length(19).udp(1, 2)},
    {"CutInIpv6Extension", Counter::kMalformedIpv6Extension, ip6().extension(60, 16).udp(1, 2).snap(14 + 40 + 15)},
    {"Ipv6ExtensionLongerThanThePacket", Counter::kMalformedIpv6Extension, ip6().extension(60).patch(1, 200).udp(1, 2)},
    {"NineIpv6Extensions", Counter::kMalformedIpv6Extension, chain_of_extensions(9)},
    {"CutInTcpPorts", Counter::kMalformedTransport, ip4().tcp(1, 2).snap(14 + 20 + 3)},
    {"CutInUdpPorts", Counter::kMalformedTransport, ip4().udp(1, 2).snap(14 + 20 + 3)},
    {"CutInSctpPorts", Counter::kMalformedTransport, ip4().sctp(1, 2).snap(14 + 20 + 3)},
    {"NoTransportHeader", Counter::kMalformedTransport, ip4().ip_protocol(6)},
    {"EthernetNestedForEver", Counter::kMalformedNesting, nested_ethernet(12)},
};

INSTANTIATE_TEST_SUITE_P(Decoder, MalformedFrame, ::testing::ValuesIn(kCases),
                         [](const auto& each) { return each.param.name; });

TEST(MalformedFrames, EveryMalformedCounterIsReachedByACase) {
  for (const CounterInfo& counter : kCounters) {
    if (!counter.name.starts_with("packets.malformed.")) continue;
    const bool reached = std::any_of(std::begin(kCases), std::end(kCases),
                                     [&](const MalformedCase& each) { return each.reason == counter.id; });
    EXPECT_TRUE(reached) << counter.name;
  }
}

TEST(MalformedFrames, EightIpv6ExtensionsAreStillRead) {
  EXPECT_EQ(decode(chain_of_extensions(8)).outcome, Counter::kPacketsMetered);
}

// Returns packets that together have every header that the decoder knows.
std::vector<PacketBuilder> frames_of_all_kinds() {
  const auto inner = [](PacketBuilder builder) { return builder.ipv4("3.3.3.3", "4.4.4.4").tcp(1, 2).payload(9); };
  const auto over_udp = [](std::uint16_t port) { return ip4().udp(port, port); };
  return {
      inner(PacketBuilder().ethernet()),
      inner(PacketBuilder().ethernet().llc_snap()),
      inner(PacketBuilder().ethernet().vlan(1, 0x88a8).vlan(2)),
      inner(PacketBuilder().ethernet().mpls(1).mpls(2)),
      inner(PacketBuilder().ethernet().mpls(1).control_word().ethernet().vlan(3)),
      inner(PacketBuilder().ethernet().pppoe(1).ppp()),
      inner(PacketBuilder().ppp(PppForm::kHdlc)),
      inner(PacketBuilder().ppp(PppForm::kCompressed)),
      inner(PacketBuilder().linux_cooked()),
      inner(PacketBuilder().linux_cooked2()),
      inner(PacketBuilder().null_link()),
      inner(PacketBuilder().raw_ip()),
      ip4().ip_options(40).tcp(1, 2).tcp_options(40).payload(4),
      ip6().extension(0).extension(43, 24).fragment_header(0, true).authentication_header().udp(1, 2).payload(4),
      ip6().fragment_header(800, true).udp(1, 2),
      ip4().sctp(1, 2).payload(4),
      ip4().icmp(3, 1).payload(4),
      ip6().icmpv6(1, 1).payload(4),
      inner(ip4().ipv6("2001:db8::3", "2001:db8::4")),
      inner(ip4().gre_with_everything(5)),
      inner(ip4().gre().ethernet().vlan(4)),
      inner(ip4().erspan1().ethernet()),
      inner(ip4().erspan2(6).ethernet()),
      inner(ip4().erspan3(7, true).ethernet()),
      inner(over_udp(4789).vxlan(8).ethernet()),
      inner(over_udp(6081).geneve(9, 12).ethernet()),
      inner(over_udp(2152).gtp_with_extension(10)),
      inner(over_udp(5247).capwap().ethernet()),
      inner(over_udp(5247).capwap_80211()),
  };
}

bool is_an_outcome(Counter outcome) {
  const std::string_view name = info(outcome).name;
  return outcome == Counter::kPacketsMetered || name.starts_with("packets.ignored.") ||
         name.starts_with("packets.malformed.");
}

// Decodes the frame. Checks that the outcome is known and that the decoded packet lies within the frame.
// AddressSanitizer finds reads by the decoder beyond the end of the frame.
void expect_sane(const TestPacket& frame) {
  const Decoded decoded = decode(frame);
  ASSERT_TRUE(is_an_outcome(decoded.outcome)) << info(decoded.outcome).name;
  if (decoded.outcome != Counter::kPacketsMetered) return;
  const Packet& packet = decoded.packet;
  ASSERT_GE(packet.ip, frame.bytes.data());
  ASSERT_LE(packet.ip + packet.ip_captured, frame.bytes.data() + frame.bytes.size());
  EXPECT_TRUE(packet.ip_size <= packet.size || packet.sliced);
  EXPECT_LE(packet.transport_size, packet.ip_size);
  EXPECT_LE(packet.payload_size, packet.transport_size);
}

TEST(TruncatedFrames, ASnapLengthAtAnyOctetIsReadWithinItsBounds) {
  for (const PacketBuilder& builder : frames_of_all_kinds()) {
    const TestPacket whole = builder.build();
    ASSERT_EQ(decode(whole).outcome, Counter::kPacketsMetered);
    for (std::size_t octets = 0; octets <= whole.bytes.size(); ++octets) expect_sane(whole.cut_to(octets));
  }
}

TEST(TruncatedFrames, AFrameThatEndsAtAnyOctetIsReadWithinItsBounds) {
  for (const PacketBuilder& builder : frames_of_all_kinds()) {
    const TestPacket whole = builder.build();
    for (std::size_t octets = 0; octets <= whole.bytes.size(); ++octets) {
      TestPacket cut = whole.cut_to(octets);
      cut.wire = static_cast<std::uint32_t>(octets);
      expect_sane(cut);
    }
  }
}

TEST(TruncatedFrames, OctetsChangedAtRandomAreReadWithinTheirBounds) {
  std::mt19937 random(20240229);
  const auto any = [&random](std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random);
  };
  for (const PacketBuilder& builder : frames_of_all_kinds()) {
    const TestPacket whole = builder.build();
    for (int round = 0; round < 1000; ++round) {
      TestPacket changed = whole.cut_to(any(whole.bytes.size()) + 1);
      for (std::size_t changes = any(6); changes > 0; --changes) {
        changed.bytes[any(changed.bytes.size())] = static_cast<std::uint8_t>(any(256));
      }
      expect_sane(changed);
    }
  }
}

}  // namespace
}  // namespace spanflow::testing::malformed_test

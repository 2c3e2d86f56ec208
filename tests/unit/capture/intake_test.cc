// Tests the Intake: later fragments get the ports of their first fragment, in any order of arrival, or are released
// without ports.
#include "capture/intake.h"

#include <gmock/gmock.h>

#include "capture/packet_clock.h"
#include "support/vector_source.h"

namespace spanflow::testing::intake_test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::chrono::nanoseconds kStart = 1'700'000'000s;
constexpr std::uint16_t kOrphan = 0;  // the source port of a later fragment without its first fragment

// Gives packets to an Intake one by one, and records the source port and the octets of each packet that comes out.
class IntakeTest : public ::testing::Test {
 protected:
  IntakeTest() {
    for (int i = 0; i < 2; ++i) clock_.advance(static_cast<std::uint64_t>(kStart.count()));  // confirms the time
  }

  struct GoneOn {
    std::uint16_t port;
    std::uint32_t octets;  // octets after the IP header
    bool operator==(const GoneOn&) const = default;
  };

  void take(const PacketBuilder& builder) {
    const TestPacket packet = builder.build();
    RawPacket raw = packet.raw();
    raw.behind_ns = static_cast<std::int64_t>(clock_.advance(raw.time_ns) - raw.time_ns);
    take({.state = Burst::State::kPackets, .packets = {&raw, 1}, .link_type = packet.link_type});
  }
  void end() { intake().release_all(*this); }
  void idle(std::chrono::nanoseconds now) {
    take({.state = Burst::State::kIdle, .now_ns = static_cast<std::uint64_t>(now.count())});
  }

  std::vector<GoneOn> gone_on() { return std::exchange(gone_on_, {}); }
  std::uint64_t counter(Counter id) const { return counters_.get(id); }
  Intake& intake() {
    if (!intake_) intake_.emplace(config_, source_, decoder_, counters_);
    return *intake_;
  }

  Config config_;
  VectorSource source_{{}, {.live = true}};

 private:
  friend class spanflow::Intake;

  void take(const Burst& burst) { intake().take_burst(burst, *this); }
  Packet& next_packet() { return next_; }
  void accept(const RawPacket&, LinkType) {
    gone_on_.push_back({next_.key.src_port, next_.transport_size});
    last_ = next_;
  }
  void finish_accepted() {}

  const Decoder decoder_{TunnelSet::all(), VlanKey::kInner};
  PacketClock clock_;
  Counters counters_;
  std::optional<Intake> intake_;
  std::vector<GoneOn> gone_on_;
  Packet next_;

 protected:
  Packet last_;
};

PacketBuilder ip4(std::uint32_t offset, bool more, std::uint16_t id = 1) {
  return PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").fragment(offset, more, id);
}
PacketBuilder first(std::uint16_t port, std::uint16_t id = 1, std::chrono::nanoseconds at = 0s) {
  return ip4(0, true, id).udp(port, 53).payload(92).at(kStart + at);
}
PacketBuilder later(std::uint32_t octets, std::uint16_t id = 1, std::chrono::nanoseconds at = 0s) {
  return ip4(104, false, id).ip_protocol(protocol::kUdp).payload(octets).at(kStart + at);
}
PacketBuilder whole(std::uint16_t port, std::chrono::nanoseconds at) {
  return PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").udp(port, 53).at(kStart + at);
}

TEST_F(IntakeTest, ALaterFragmentGetsThePortsOfItsFirst) {
  take(first(1000));
  take(later(30));
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{1000, 100}, GoneOn{1000, 30}));
  EXPECT_TRUE(last_.later_fragment);
  EXPECT_EQ(last_.key.dst_port, 53);
  EXPECT_EQ(counter(Counter::kFragmentsOrphaned), 0U);
}

TEST_F(IntakeTest, FragmentsThatCameBeforeTheirFirstFollowItInTheirOrder) {
  take(later(30));
  take(later(31));
  EXPECT_THAT(gone_on(), IsEmpty());
  EXPECT_EQ(counter(Counter::kFragmentsHeld), 2U);
  EXPECT_EQ(counter(Counter::kPacketsReceived), 0U);
  take(first(1000));
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{1000, 100}, GoneOn{1000, 30}, GoneOn{1000, 31}));
  EXPECT_EQ(counter(Counter::kFragmentsHeld), 0U);
  EXPECT_EQ(counter(Counter::kFragmentsOrphaned), 0U);
}

TEST_F(IntakeTest, FragmentsOfAnotherDatagramAreNotTaken) {
  take(first(1000, 1));
  take(later(30, 2));
  take(ip4(104, false, 1).ip_protocol(protocol::kSctp).payload(31).at(kStart));
  take(PacketBuilder().ethernet().vlan(7).ipv4("10.0.0.1", "10.0.0.2").fragment(104, false, 1).udp(1, 2).at(kStart));
  take(PacketBuilder().ethernet().ipv4("10.0.0.2", "10.0.0.1").fragment(104, false, 1).udp(1, 2).at(kStart));
  take(PacketBuilder()
           .ethernet()
           .ipv4("1.1.1.1", "2.2.2.2")
           .gre()
           .ipv4("10.0.0.1", "10.0.0.2")
           .fragment(104, false, 1)
           .udp(1, 2)
           .at(kStart));
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{1000, 100}));
  EXPECT_EQ(counter(Counter::kFragmentsHeld), 5U);
}

TEST_F(IntakeTest, FragmentsInsideATunnelFindTheirFirst) {
  const auto inside = [](std::uint32_t offset, bool more) {
    PacketBuilder packet;
    packet.ethernet().ipv4("1.1.1.1", "2.2.2.2").udp(5, 4789).vxlan(9).ethernet();
    return packet.ipv4("10.0.0.1", "10.0.0.2").fragment(offset, more, 3);
  };
  take(inside(104, false).ip_protocol(protocol::kUdp).payload(30).at(kStart));
  take(inside(0, true).udp(1000, 53).payload(92).at(kStart));
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{1000, 100}, GoneOn{1000, 30}));
  EXPECT_EQ(last_.key.tunnel_type, TunnelType::kVxlan);
}

// The first fragment holds the headers of the inner packet, which is metered as a whole.
TEST_F(IntakeTest, AnInnerPacketInFragmentsIsMeteredOnceByItsOwnLength) {
  const auto part = [](std::uint32_t offset, bool more, std::uint16_t id) {
    return PacketBuilder().ethernet().ipv4("1.1.1.1", "2.2.2.2").fragment(offset, more, id);
  };
  const auto first_part = [&](std::uint16_t id) {
    return part(0, true, id).udp(5000, 4789).vxlan(9).ethernet().ipv4("10.0.0.1", "10.0.0.2").ip_length(1000).udp(7, 8);
  };
  take(first_part(3).payload(72).at(kStart));
  EXPECT_EQ(last_.key.tunnel_type, TunnelType::kVxlan);
  EXPECT_EQ(last_.ip_size, 1000U);
  EXPECT_EQ(last_.payload_size, 972U);
  EXPECT_EQ(last_.size, 14U + 20 + 8 + 8 + 14 + 1000);
  EXPECT_FALSE(last_.sliced);
  take(part(136, false, 3).ip_protocol(17).payload(900).at(kStart));
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{7, 980}));
  EXPECT_EQ(counter(Counter::kIgnoredTunnelFragment), 1U);
  // The later fragment comes first.
  take(part(136, false, 4).ip_protocol(17).payload(900).at(kStart));
  take(first_part(4).payload(72).at(kStart));
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{7, 980}));
  EXPECT_EQ(counter(Counter::kIgnoredTunnelFragment), 2U);
  // Its first fragment does not come.
  take(part(136, false, 5).ip_protocol(17).payload(900).at(kStart));
  end();
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{kOrphan, 900}));
  EXPECT_EQ(counter(Counter::kFragmentsOrphaned), 1U);
}

// The inner packet has the IP length 0, which means that it ends with the frame. A decoder could therefore take the
// part of the inner packet in the first fragment for the whole inner packet.
TEST_F(IntakeTest, TheFragmentsOfATunnelsOuterPacketAreOfTheOuterFlow) {
  PacketBuilder outer;
  outer.ethernet().ipv4("1.1.1.1", "2.2.2.2").fragment(0, true, 3).udp(5000, 4789).vxlan(9).ethernet();
  take(outer.ipv4("10.0.0.1", "10.0.0.2").ip_length(0).udp(1, 2).payload(64).at(kStart));
  EXPECT_EQ(last_.key.tunnel_type, TunnelType::kNone);
  PacketBuilder rest;
  take(rest.ethernet().ipv4("1.1.1.1", "2.2.2.2").fragment(128, false, 3).ip_protocol(17).payload(30).at(kStart));
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{5000, 8 + 8 + 14 + 20 + 8 + 64}, GoneOn{5000, 30}));
}

// RFC 8200: the Next Header values of fragments may differ. Only the value in the first fragment counts.
TEST_F(IntakeTest, OfIpv6TheFirstSaysTheProtocolToo) {
  const auto ip6 = [](std::uint32_t offset, bool more) {
    PacketBuilder packet;
    packet.ethernet().ipv6("fd00::1", "fd00::2").fragment_header(offset, more, 0x12345678);
    return packet;
  };
  take(ip6(104, false).ip_protocol(60).payload(30).at(kStart));
  take(ip6(0, true).extension(60).udp(1000, 53).payload(88).at(kStart));
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{1000, 96}, GoneOn{1000, 30}));
  EXPECT_EQ(last_.key.ip_protocol, protocol::kUdp);
}

TEST_F(IntakeTest, AnAtomicIpv6FragmentIsAWholePacket) {
  const auto atomic = [](std::uint16_t port) {
    PacketBuilder packet;
    return packet.ethernet().ipv6("fd00::1", "fd00::2").fragment_header(0, false, 5).udp(port, 53).at(kStart);
  };
  take(PacketBuilder().ethernet().ipv6("fd00::1", "fd00::2").fragment_header(104, false, 5).udp(1, 2).at(kStart));
  take(atomic(1000));
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{1000, 8}));
  EXPECT_FALSE(last_.is_fragment());
}

TEST_F(IntakeTest, AFragmentWhoseFirstDoesNotComeIsAnOrphanAfterTheTimeout) {
  config_.decode.fragment_timeout = 2s;
  take(later(30, 1, 0s));
  take(later(31, 2, 1s));
  take(whole(7, 1999ms));
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{7, 8}));
  take(whole(8, 2s));
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{kOrphan, 30}, GoneOn{8, 8}));
  EXPECT_EQ(counter(Counter::kFragmentsOrphaned), 1U);
  EXPECT_EQ(counter(Counter::kFragmentsHeld), 1U);
  end();
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{kOrphan, 31}));
  EXPECT_EQ(counter(Counter::kFragmentsOrphaned), 2U);
  EXPECT_EQ(counter(Counter::kFragmentsHeld), 0U);
}

TEST_F(IntakeTest, OnePacketFromTheFarFutureMakesNoOrphans) {
  take(later(30));
  take(whole(7, 100h));
  take(whole(8, 1s));
  take(first(1000, 1, 2s));
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{7, 8}, GoneOn{8, 8}, GoneOn{1000, 100}, GoneOn{1000, 30}));
}

TEST_F(IntakeTest, PacketsFromTheFarFutureAmongOthersMakeNoOrphans) {
  take(later(30));
  take(whole(7, 100h));
  take(whole(8, 1s));
  take(whole(9, 100h));
  take(first(1000, 1, 2s));
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{7, 8}, GoneOn{8, 8}, GoneOn{9, 8}, GoneOn{1000, 100}, GoneOn{1000, 30}));
}

TEST_F(IntakeTest, AFragmentFromTheFarFutureDoesNotBlockThoseBehindIt) {
  config_.decode.fragment_timeout = 2s;
  take(later(30, 1, 100h));
  take(later(31, 2, 0s));
  take(whole(7, 1s));
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{7, 8}));
  take(whole(9, 3s));
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{kOrphan, 30}, GoneOn{kOrphan, 31}, GoneOn{9, 8}));
}

TEST_F(IntakeTest, OnAQuietLivePortTheWallClockMakesOrphans) {
  config_.decode.fragment_timeout = 2s;
  take(later(30));
  idle(kStart + 1s);
  EXPECT_THAT(gone_on(), IsEmpty());
  idle(kStart + 2s);
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{kOrphan, 30}));
}

TEST_F(IntakeTest, AnIdentificationUsedAgainLaterIsAnotherDatagram) {
  config_.decode.fragment_timeout = 2s;
  take(first(1000, 1, 0s));
  take(later(30, 1, 3s));
  take(first(2000, 1, 3s));
  take(later(31, 1, 3s));
  take(first(3000, 1, 4s));
  take(later(32, 1, 4s));
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{1000, 100}, GoneOn{2000, 100}, GoneOn{2000, 30}, GoneOn{2000, 31},
                                     GoneOn{3000, 100}, GoneOn{3000, 32}));
}

TEST_F(IntakeTest, WhenAllRoomIsTakenTheOldestDatagramGoes) {
  config_.decode.fragments = 2;
  take(first(1000, 1));
  take(first(2000, 2));
  take(first(3000, 3));
  take(later(32, 3));
  take(later(31, 2));
  EXPECT_THAT(gone_on(),
              ElementsAre(GoneOn{1000, 100}, GoneOn{2000, 100}, GoneOn{3000, 100}, GoneOn{3000, 32}, GoneOn{2000, 31}));
  take(later(30, 1));
  EXPECT_EQ(counter(Counter::kFragmentsHeld), 1U);
}

TEST_F(IntakeTest, WhenAllRoomIsTakenTheOldestHeldFragmentIsAnOrphan) {
  config_.decode.fragments = 2;
  take(later(30, 1));
  take(later(31, 1));
  take(later(32, 1));
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{kOrphan, 30}));
  take(first(1000, 1));
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{1000, 100}, GoneOn{1000, 31}, GoneOn{1000, 32}));
  EXPECT_EQ(counter(Counter::kFragmentsOrphaned), 1U);
  for (std::uint16_t id = 10; id < 30; ++id) take(later(id, id));  // makes the rings in Fragments wrap around
  EXPECT_EQ(gone_on().size(), 18U);
  EXPECT_EQ(counter(Counter::kFragmentsHeld), 2U);
  take(first(1000, 29));
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{1000, 100}, GoneOn{1000, 29}));
}

TEST_F(IntakeTest, SwitchedOffFragmentsGoOnWithoutPorts) {
  config_.decode.fragments = 0;
  take(first(1000));
  take(later(30));
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{1000, 100}, GoneOn{kOrphan, 30}));
  EXPECT_EQ(counter(Counter::kFragmentsOrphaned), 0U);
}

TEST_F(IntakeTest, TimeHasNotPassedWhatIsHeld) {
  const auto passed = [this](std::chrono::nanoseconds now) {
    return std::chrono::nanoseconds{intake().passed_until(static_cast<std::uint64_t>((kStart + now).count()))} - kStart;
  };
  take(later(30, 1, 1s));
  take(later(31, 2, 2s));
  EXPECT_EQ(passed(3s), 1s);
  take(first(1000, 1, 3s));
  EXPECT_EQ(passed(3s), 2s);
  take(first(1000, 2, 3s));
  EXPECT_EQ(passed(3s), 3s);
}

TEST_F(IntakeTest, AHeldFragmentIsCountedAsLongAsItWasOnTheWire) {
  take(later(6000));
  take(first(1000));
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{1000, 100}, GoneOn{1000, 6000}));
  EXPECT_EQ(last_.size, 14U + 20 + 6000);
}

TEST_F(IntakeTest, DuplicatesAreFoundBeforeFragmentsAreFollowed) {
  config_.decode.deduplicate = 1ms;
  take(later(30));
  take(later(30));
  take(first(1000));
  take(first(1000));
  EXPECT_THAT(gone_on(), ElementsAre(GoneOn{1000, 100}, GoneOn{1000, 30}));
  EXPECT_EQ(counter(Counter::kIgnoredDuplicate), 2U);
  EXPECT_EQ(counter(Counter::kPacketsReceived), 2U);
}

}  // namespace
}  // namespace spanflow::testing::intake_test

// Filters, EAL's arguments and the packets' clock.
#include "capture/filter.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "capture/eal.h"
#include "capture/packet_clock.h"
#include "support/packet_builder.h"

namespace spanflow::testing {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

bool matches(const std::string& expression, const TestPacket& packet) {
  return Filter(expression, packet.link_type).matches(packet.raw());
}

TEST(Filter, MatchesWhatTheExpressionSays) {
  const TestPacket packet = PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").tcp(1234, 80).build();
  EXPECT_TRUE(matches("tcp port 80", packet));
  EXPECT_TRUE(matches("src host 10.0.0.1 and not udp", packet));
  EXPECT_FALSE(matches("udp", packet));
  EXPECT_FALSE(matches("dst port 1234", packet));
  EXPECT_TRUE(matches("", packet));
}

TEST(Filter, IsCompiledForTheLinkType) {
  const auto over = [](PacketBuilder link) { return link.ipv4("10.0.0.1", "10.0.0.2").udp(1, 53).build(); };
  for (const PacketBuilder& link :
       {PacketBuilder().ethernet(), PacketBuilder().raw_ip(), PacketBuilder().null_link(), PacketBuilder().loop_link(),
        PacketBuilder().linux_cooked(), PacketBuilder().linux_cooked2(), PacketBuilder().ppp(PppForm::kHdlc)}) {
    EXPECT_TRUE(matches("udp port 53", over(link)));
    EXPECT_FALSE(matches("udp port 54", over(link)));
  }
}

TEST(Filter, LengthsAreThoseOnTheWire) {
  const TestPacket packet =
      PacketBuilder().ethernet().ipv4("1.1.1.1", "2.2.2.2").udp(1, 2).payload(500).snap(60).build();
  EXPECT_TRUE(matches("greater 542", packet));
  EXPECT_FALSE(matches("greater 543", packet));
}

TEST(Filter, SaysWhatIsWrongWithAnExpression) {
  EXPECT_EQ(filter_error("tcp port 80"), "");
  EXPECT_NE(filter_error("tcp prot 80"), "");
}

TEST(Filter, AnExpressionWithoutMeaningOnTheLinkIsAnError) {
  EXPECT_THROW(Filter("ether host 02:00:00:00:00:01", LinkType::kRawIp), RunError);
}

Config::Input input() {
  Config::Input input;
  input.memory = 64ULL << 20;
  return input;
}

// EAL would otherwise probe, and may take, the host's own network card.
TEST(EalArguments, WithoutAPciDeviceThePciBusIsNotTouched) {
  const auto arguments = eal_arguments(input(), {"net_af_packet0,iface=eth0"}, false);
  EXPECT_THAT(arguments, ::testing::Contains("--no-pci"));
  EXPECT_THAT(arguments, ::testing::IsSupersetOf({"--vdev", "net_af_packet0,iface=eth0", "--no-huge"}));
  EXPECT_THAT(eal_arguments(input(), {}, false), ::testing::Contains("--no-pci"));
}

TEST(EalArguments, OnlyTheNamedPciDevicesAreAllowed) {
  const auto arguments = eal_arguments(input(), {"0000:03:00.1"}, true);
  EXPECT_THAT(arguments, ::testing::Not(::testing::Contains("--no-pci")));
  const auto allowed = std::find(arguments.begin(), arguments.end(), "-a");
  ASSERT_NE(allowed, arguments.end());
  EXPECT_EQ(*(allowed + 1), "0000:03:00.1");
  EXPECT_THAT(arguments, ::testing::Not(::testing::Contains("--no-huge")));
}

TEST(EalArguments, HaveTheMemoryAndEndWithTheUsersOwn) {
  Config::Input options = input();
  options.eal_arguments = {"--iova-mode=va", "--log-level=8"};
  const auto arguments = eal_arguments(options, {}, false);
  const auto memory = std::find(arguments.begin(), arguments.end(), "-m");
  ASSERT_NE(memory, arguments.end());
  EXPECT_EQ(*(memory + 1), "64");
  EXPECT_EQ(*(arguments.end() - 2), "--iova-mode=va");
  EXPECT_EQ(arguments.back(), "--log-level=8");
}

TEST(PciDevices, AreToldFromVdevs) {
  for (const char* device : {"0000:03:00.0", "03:00.1", "0000:af:1f.7,queues=4", "af:00.0"}) {
    EXPECT_TRUE(is_pci_device(device)) << device;
  }
  for (const char* device :
       {"", "eth0", "net_pcap0,iface=lo", "03:00", "03:00.8", "0000:03:00.0x", "net_tap0,mac=00:00.0"}) {
    EXPECT_FALSE(is_pci_device(device)) << device;
  }
}

TEST(PacketClock, FollowsThePacketsForward) {
  PacketClock clock;
  for (const std::uint64_t time : {5 * kSecond, 4 * kSecond, 15 * kSecond}) clock.advance(time);
  EXPECT_EQ(clock.now_ns(), 15 * kSecond);
}

TEST(PacketClock, OnePacketFarAheadIsNotBelieved) {
  PacketClock clock;
  clock.advance(4 * kSecond);
  clock.advance(5 * kSecond);
  clock.advance(15 * kSecond + 1);
  EXPECT_EQ(clock.now_ns(), 5 * kSecond);
  clock.advance(6 * kSecond);
  EXPECT_EQ(clock.now_ns(), 6 * kSecond);
}

TEST(PacketClock, ASecondOneConfirmsTheJump) {
  PacketClock clock;
  clock.advance(5 * kSecond);
  clock.advance(3600 * kSecond);
  clock.advance(3601 * kSecond);
  EXPECT_EQ(clock.now_ns(), 3601 * kSecond);
}

TEST(PacketClock, TwoWrongTimesThatDisagreeAreNotBelieved) {
  PacketClock clock;
  clock.advance(4 * kSecond);
  clock.advance(5 * kSecond);
  clock.advance(900'000 * kSecond);
  clock.advance(500'000 * kSecond);
  EXPECT_EQ(clock.now_ns(), 5 * kSecond);
}

TEST(PacketClock, AWrongTimeOfTheVeryFirstPacketIsNotBelieved) {
  PacketClock clock;
  clock.advance(900'000 * kSecond);
  EXPECT_EQ(clock.now_ns(), 0U);
  clock.advance(5 * kSecond);
  clock.advance(6 * kSecond);
  EXPECT_EQ(clock.now_ns(), 6 * kSecond);
}

TEST(PacketClock, TheEndOfTheStreamBelievesALastJump) {
  PacketClock clock;
  clock.advance(4 * kSecond);
  clock.advance(5 * kSecond);
  clock.advance(300 * kSecond);
  EXPECT_EQ(clock.now_ns(), 5 * kSecond);
  EXPECT_EQ(clock.end_ns(), 300 * kSecond);
}

TEST(PacketClock, IsRestartedByATimeLongBefore) {
  PacketClock clock;
  clock.advance(99 * kSecond);
  clock.advance(100 * kSecond);
  EXPECT_FALSE(clock.is_restarted_by(90 * kSecond));
  EXPECT_TRUE(clock.is_restarted_by(90 * kSecond - 1));
}

}  // namespace
}  // namespace spanflow::testing

// Tests which packets count as duplicates.
#include "decode/duplicates.h"

#include <gtest/gtest.h>

#include "support/decoding.h"

namespace spanflow::testing::duplicates_test {
namespace {

using namespace std::chrono_literals;

PacketBuilder ip4(std::uint16_t vlan = 0, std::uint16_t id = 77) {
  PacketBuilder packet;
  packet.ethernet();
  if (vlan != 0) packet.vlan(vlan);
  return packet.ipv4("10.0.0.1", "10.0.0.2").fragment(0, false, id);
}

class DuplicatesTest : public ::testing::Test {
 protected:
  bool seen(const TestPacket& frame) {
    const Decoded decoded = decode(frame);
    EXPECT_EQ(decoded.outcome, Counter::kPacketsMetered);
    return duplicates_.has_seen(decoded.packet);
  }
  bool seen(const PacketBuilder& builder) { return seen(builder.build()); }

  Duplicates duplicates_{1ms, 42};
};

TEST_F(DuplicatesTest, TheSamePacketWithinTheWindowHasBeenSeen) {
  EXPECT_FALSE(seen(ip4().udp(1, 2).at(5s)));
  EXPECT_TRUE(seen(ip4().udp(1, 2).at(5s)));
  EXPECT_TRUE(seen(ip4().udp(1, 2).at(5s + 1ms)));
}

TEST_F(DuplicatesTest, AfterTheWindowOfTheFirstItCountsAgain) {
  EXPECT_FALSE(seen(ip4().udp(1, 2).at(5s)));
  EXPECT_TRUE(seen(ip4().udp(1, 2).at(5s + 600us)));
  EXPECT_FALSE(seen(ip4().udp(1, 2).at(5s + 1'200us)));
  EXPECT_TRUE(seen(ip4().udp(1, 2).at(5s + 1'800us)));
}

TEST_F(DuplicatesTest, ACopyWithAnEarlierTimeHasBeenSeenToo) {
  EXPECT_FALSE(seen(ip4().udp(1, 2).at(5s)));
  EXPECT_TRUE(seen(ip4().udp(1, 2).at(5s - 1ms)));
  EXPECT_FALSE(seen(ip4().udp(1, 2).at(5s - 1001us)));
}

TEST_F(DuplicatesTest, VlanTagsDoNotMatter) {
  EXPECT_FALSE(seen(ip4(100).udp(1, 2)));
  EXPECT_TRUE(seen(ip4(200).udp(1, 2)));
  EXPECT_TRUE(seen(ip4().udp(1, 2)));
}

TEST_F(DuplicatesTest, WhatRoutersChangeDoesNotMatter) {
  EXPECT_FALSE(seen(ip4().udp(1, 2)));
  EXPECT_TRUE(seen(ip4().patch(1, 0xb8).patch(8, 63).patch(10, 0x12).patch(11, 0x34).udp(1, 2)));
  const auto ip6 = [] { return PacketBuilder().ethernet().ipv6("fd00::1", "fd00::2"); };
  EXPECT_FALSE(seen(ip6().udp(1, 2)));
  EXPECT_TRUE(seen(ip6().patch(0, 0x6b).patch(1, 0x80).patch(7, 3).udp(1, 2)));
  EXPECT_FALSE(seen(ip6().patch(2, 1).udp(1, 2))) << "routers do not change the flow label";
}

TEST_F(DuplicatesTest, AnotherIdentificationOrPayloadIsAnotherPacket) {
  EXPECT_FALSE(seen(ip4().tcp(1, 2).payload("abc")));
  EXPECT_FALSE(seen(ip4(0, 78).tcp(1, 2).payload("abc"))) << "a retransmission is not a duplicate";
  EXPECT_FALSE(seen(ip4().tcp(1, 2).payload("abd")));
  EXPECT_FALSE(seen(ip4().tcp(2, 1).payload("abc")));
}

// Earlier, these octets made the hash of all octets before them 0, so a sender could hide any packet behind another
// one.
TEST_F(DuplicatesTest, NoPayloadHidesThatThePacketsDiffer) {
  for (const std::uint64_t number : {0xd1b54a32d192ed03ULL, 0x9e3779b97f4a7c15ULL, 0x8bb84b93962eacc9ULL, 0ULL}) {
    std::string payload;
    for (int i = 0; i < 8; ++i) payload.append(reinterpret_cast<const char*>(&number), sizeof number);
    EXPECT_FALSE(seen(ip4().udp(1, 2).payload(payload)));
    EXPECT_FALSE(seen(ip4().udp(3, 4).payload(payload)));
    EXPECT_FALSE(seen(ip4(0, 78).udp(1, 2).payload(payload)));
  }
}

TEST_F(DuplicatesTest, SessionsOfErspanDoNotMatterAndVnisDo) {
  const auto mirrored = [](std::uint16_t session) {
    PacketBuilder packet;
    packet.ethernet().ipv4("1.1.1.1", "2.2.2.2").fragment(0, false, session).erspan2(session).ethernet();
    return packet.ipv4("10.0.0.1", "10.0.0.2").udp(1, 2);
  };
  EXPECT_FALSE(seen(mirrored(1)));
  EXPECT_TRUE(seen(mirrored(2)));
  const auto vxlan = [](std::uint32_t vni) {
    PacketBuilder packet;
    packet.ethernet().ipv4("1.1.1.1", "2.2.2.2").udp(5, 4789).vxlan(vni).ethernet();
    return packet.ipv4("10.0.0.1", "10.0.0.2").udp(1, 2);
  };
  EXPECT_FALSE(seen(vxlan(1)));
  EXPECT_FALSE(seen(vxlan(2)));
}

TEST_F(DuplicatesTest, ASnapLengthThatLeavesATaggedCopyShorterDoesNotHideIt) {
  const auto cut = [](std::uint16_t vlan) { return ip4(vlan).tcp(1, 2).payload(1000).build().cut_to(96); };
  EXPECT_FALSE(seen(cut(0)));
  EXPECT_TRUE(seen(cut(9)));
  EXPECT_FALSE(seen(ip4().tcp(1, 2).payload(1001).build().cut_to(96))) << "the lengths differ";
}

TEST_F(DuplicatesTest, PaddingOfTheFrameDoesNotMatter) {
  EXPECT_FALSE(seen(ip4().udp(1, 2)));
  EXPECT_TRUE(seen(ip4().udp(1, 2).padding(18)));
}

TEST_F(DuplicatesTest, ManyPacketsAreRememberedAtOnce) {
  const auto packet = [](int number) {
    return ip4(0, static_cast<std::uint16_t>(number)).udp(static_cast<std::uint16_t>(number >> 16), 2).at(5s);
  };
  for (int number = 0; number < 60'000; ++number) ASSERT_FALSE(seen(packet(number)));
  int forgotten = 0;
  for (int number = 0; number < 60'000; ++number) forgotten += seen(packet(number)) ? 0 : 1;
  EXPECT_LT(forgotten, 6'000);
}

TEST(DuplicatesOff, NothingHasBeenSeen) {
  Duplicates off({}, 42);
  const Decoded decoded = decode(ip4().udp(1, 2));
  EXPECT_FALSE(off.has_seen(decoded.packet));
  EXPECT_FALSE(off.has_seen(decoded.packet));
}

}  // namespace
}  // namespace spanflow::testing::duplicates_test

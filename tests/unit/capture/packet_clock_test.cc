#include "capture/packet_clock.h"

#include <gtest/gtest.h>

namespace spanflow::testing::packet_clock_test {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

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
}  // namespace spanflow::testing::packet_clock_test

#include "capture/packet_clock.h"

#include <gtest/gtest.h>

#include <initializer_list>

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

// Gives the clock these times, in seconds. Returns its last time.
std::uint64_t after(PacketClock& clock, std::initializer_list<double> seconds) {
  std::uint64_t last = 0;
  for (const double second : seconds) last = clock.advance(static_cast<std::uint64_t>(second * 1e9));
  return last;
}

TEST(PacketClock, GoesOnFromItsTimeWhenTheTimesJumpBack) {
  PacketClock clock;
  after(clock, {999, 1000});
  EXPECT_EQ(after(clock, {700}), 1000 * kSecond) << "not confirmed yet";
  EXPECT_EQ(after(clock, {700.5}), 1000 * kSecond);
  EXPECT_EQ(clock.steps_back(), 1U);
  EXPECT_EQ(after(clock, {703.5}), 1003 * kSecond);
  EXPECT_EQ(clock.now_ns(), 1003 * kSecond);
}

TEST(PacketClock, ALatePacketIsNoJump) {
  PacketClock clock;
  EXPECT_EQ(after(clock, {999, 1000, 999.1, 999.2, 1001}), 1001 * kSecond);
  EXPECT_EQ(clock.steps_back(), 0U);
}

TEST(PacketClock, TwoClocksThatAlternateDoNotMoveIt) {
  for (const int burst : {1, 2, 5}) {
    PacketClock clock;
    after(clock, {999, 1000});
    for (int round = 0; round < 100; ++round) {
      for (const double base : {800.0, 1000.0}) {
        for (int i = 0; i < burst; ++i) after(clock, {base + round * 0.01});
      }
    }
    EXPECT_LE(clock.now_ns(), 1002 * kSecond) << burst;
    EXPECT_GE(clock.now_ns(), 1000 * kSecond) << burst;
  }
}

TEST(PacketClock, AJumpForwardBehindAJumpBackUndoesIt) {
  PacketClock clock;
  after(clock, {999, 1000, 500, 500, 1000.5, 1000.5});
  EXPECT_EQ(clock.now_ns(), 1000 * kSecond + kSecond / 2);
  EXPECT_EQ(after(clock, {2000, 2000}), 2000 * kSecond) << "a gap";
}

TEST(PacketClock, BeforeTheFirstTimeIsConfirmedAPacketHasItsOwnTime) {
  PacketClock clock;
  EXPECT_EQ(after(clock, {5000}), 5000 * kSecond);
  EXPECT_EQ(after(clock, {700}), 700 * kSecond);
  EXPECT_EQ(after(clock, {701}), 701 * kSecond);
}

}  // namespace
}  // namespace spanflow::testing::packet_clock_test

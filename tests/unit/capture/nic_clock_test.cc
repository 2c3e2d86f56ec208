#include "capture/nic_clock.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

namespace spanflow::testing::nic_clock_test {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kNow = 1'700'000'000 * kSecond;

TEST(ClockLineTest, AsItIsByDefaultTicksAreNanosecondsSinceTheEpoch) {
  EXPECT_EQ(ClockLine{}.steady_time(kNow + 1), kNow + 1);
  EXPECT_EQ(SharedClockLine{}.get().steady_time(kNow + 1), kNow + 1);
}

TEST(NicClockTest, OneReadingMakesNoLine) {
  EXPECT_EQ(NicClock{}.follow({.ticks = 5, .steady_ns = kNow}), std::nullopt);
}

TEST(NicClockTest, AClockThatStandsStillMakesNoLine) {
  NicClock clock;
  clock.follow({.ticks = 5, .steady_ns = kNow});
  EXPECT_EQ(clock.follow({.ticks = 5, .steady_ns = kNow + kSecond}), std::nullopt);
}

// The clock runs at 156.25 MHz, so a tick is 6.4 ns.
TEST(NicClockTest, TicksOfAnotherLengthAreConverted) {
  NicClock clock;
  clock.follow({.ticks = 1000, .steady_ns = kNow});
  const auto line = clock.follow({.ticks = 1000 + 156'250'000, .steady_ns = kNow + kSecond});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->steady_time(1000 + 156'250'000), kNow + kSecond);
  EXPECT_NEAR(static_cast<double>(line->steady_time(1000 + 156'250'000 + 78'125'000) - kNow - kSecond), 5e8, 1);
}

TEST(NicClockTest, PacketsFromBeforeTheReadingAreConverted) {
  NicClock clock;
  clock.follow({.ticks = 0, .steady_ns = kNow});
  const auto line = clock.follow({.ticks = 2 * kSecond, .steady_ns = kNow + kSecond});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->steady_time(2 * kSecond - 200), kNow + kSecond - 100);
}

TEST(NicClockTest, ACounterMayWrapRound) {
  NicClock clock;
  clock.follow({.ticks = ~0ULL - kSecond / 2 + 1, .steady_ns = kNow});
  const auto line = clock.follow({.ticks = kSecond / 2, .steady_ns = kNow + kSecond});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->steady_time(kSecond / 2), kNow + kSecond);
  EXPECT_EQ(line->steady_time(0), kNow + kSecond / 2);
  EXPECT_EQ(line->steady_time(~0ULL), kNow + kSecond / 2 - 1);
}

// The clock is 50 ppm fast. With a rate that is measured only once, its time would be 180 ms off after an hour.
TEST(NicClockTest, AClockThatDriftsIsFollowed) {
  constexpr std::uint64_t kTicksPerSecond = kSecond + 50'000;
  NicClock clock;
  std::optional<ClockLine> line;
  for (std::uint64_t second = 0; second <= 3600; ++second) {
    line = clock.follow({.ticks = second * kTicksPerSecond, .steady_ns = kNow + second * kSecond});
  }
  ASSERT_TRUE(line);
  EXPECT_NEAR(static_cast<double>(line->steady_time(3601 * kTicksPerSecond) - kNow), 3601e9, 2);
}

TEST(NicClockTest, AStepOfTheWallClockMovesTheLineAndDoesNotTiltIt) {
  NicClock clock;
  clock.follow({.ticks = 0, .steady_ns = kNow});
  clock.follow({.ticks = kSecond, .steady_ns = kNow + kSecond});
  const auto back = clock.follow({.ticks = 2 * kSecond, .steady_ns = kNow});
  ASSERT_TRUE(back);
  EXPECT_EQ(back->steady_time(2 * kSecond), kNow);
  EXPECT_EQ(back->steady_time(3 * kSecond), kNow + kSecond);
}

TEST(SharedClockLineTest, IsGotAsItWasSet) {
  SharedClockLine shared;
  shared.set({.ticks = 10, .steady_ns = 20, .ns_per_tick = 2ULL << ClockLine::kFractionBits});
  EXPECT_EQ(shared.get().steady_time(13), 26U);
}

TEST(SharedClockLineTest, IsGotWholeWhileItIsBeingSet) {
  SharedClockLine shared;
  shared.set({.ticks = 0, .steady_ns = 0, .ns_per_tick = 0});
  std::atomic<bool> done{false};
  std::thread setter([&] {
    for (std::uint64_t i = 0; i < 200'000; ++i) shared.set({.ticks = i, .steady_ns = i, .ns_per_tick = i});
    done = true;
  });
  bool whole = true;
  while (!done) {
    const ClockLine line = shared.get();
    whole = whole && line.ticks == line.steady_ns && line.ticks == line.ns_per_tick;
  }
  setter.join();
  EXPECT_TRUE(whole);
}

}  // namespace
}  // namespace spanflow::testing::nic_clock_test

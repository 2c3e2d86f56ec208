#include "capture/busy_time.h"

#include <gtest/gtest.h>

namespace spanflow::testing::busy_time_test {
namespace {

constexpr std::uint64_t kHertz = 2'500'000'000;

TEST(BusyTime, CountsThePassesWithSomethingToDo) {
  BusyTime busy(kHertz, 1000);
  busy.end_pass(1000 + kHertz, false);
  EXPECT_EQ(busy.ns(), 0U);
  busy.end_pass(1000 + kHertz + 250, true);
  busy.end_pass(1000 + 2 * kHertz, false);
  busy.end_pass(1000 + 2 * kHertz + 500, true);
  EXPECT_NEAR(static_cast<double>(busy.ns()), 300, 1);
}

TEST(BusyTime, IsRightAfterYears) {
  constexpr std::uint64_t kYear = 365 * 86'400;
  BusyTime busy(kHertz, 0);
  busy.end_pass(10 * kYear * kHertz, true);
  // The test allows an error of 1 ns per second.
  EXPECT_NEAR(static_cast<double>(busy.ns()), 10.0 * kYear * 1e9, 10.0 * kYear);
}

// EAL measures the frequency of the TSC. Until EAL is initialised, the frequency is unknown (0).
TEST(BusyTime, OfACounterOfUnknownSpeedIsNotCounted) {
  BusyTime busy(0, 0);
  busy.end_pass(kHertz, true);
  EXPECT_EQ(busy.ns(), 0U);
}

}  // namespace
}  // namespace spanflow::testing::busy_time_test

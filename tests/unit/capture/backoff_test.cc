#include "capture/backoff.h"

#include <gmock/gmock.h>

namespace spanflow::testing::backoff_test {
namespace {

using namespace std::chrono_literals;
using ::testing::Each;
using ::testing::ElementsAre;

std::vector<Backoff::Microseconds> next(Backoff& backoff, std::size_t count) {
  std::vector<Backoff::Microseconds> waits;
  for (std::size_t i = 0; i < count; ++i) waits.push_back(backoff.next());
  return waits;
}

TEST(BackoffTest, PausesComeBeforeSleepsThatDoubleUpToTheLimit) {
  Backoff backoff({.pauses = 3, .first_sleep = 20us, .longest_sleep = 100us});
  EXPECT_THAT(next(backoff, 8), ElementsAre(0us, 0us, 0us, 20us, 40us, 80us, 100us, 100us));
}

TEST(BackoffTest, StartsAgainWithPausesWhenWorkArrives) {
  Backoff backoff({.pauses = 1, .first_sleep = 20us, .longest_sleep = 100us});
  next(backoff, 5);
  backoff.reset();
  EXPECT_THAT(next(backoff, 3), ElementsAre(0us, 20us, 40us));
}

TEST(BackoffTest, NoSleepIsLongerThanALimitBelowTheFirst) {
  Backoff backoff({.pauses = 0, .first_sleep = 20us, .longest_sleep = 5us});
  EXPECT_THAT(next(backoff, 3), Each(5us));
}

TEST(BackoffTest, WithoutALimitItNeverSleeps) {
  Backoff backoff({.pauses = 2});
  EXPECT_THAT(next(backoff, 1000), Each(0us));
}

TEST(BackoffTest, EachWaitIsOneStep) {
  Backoff backoff({.pauses = 2, .first_sleep = 1us, .longest_sleep = 8us});
  for (int i = 0; i < 4; ++i) backoff.wait();
  EXPECT_THAT(next(backoff, 3), ElementsAre(4us, 8us, 8us));
}

}  // namespace
}  // namespace spanflow::testing::backoff_test

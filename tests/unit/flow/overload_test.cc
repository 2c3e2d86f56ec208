// Tests when a worker that is behind starts to leave out work, and when it stops doing so.
#include "flow/overload.h"

#include <gtest/gtest.h>

namespace spanflow::testing::overload_test {
namespace {

constexpr std::uint64_t kStart = 1'700'000'000'000'000'000;
constexpr std::uint64_t kMillisecond = 1'000'000;

class OverloadTest : public ::testing::Test {
 protected:
  // Returns the level after an observation at this time. `fill` is the backlog, 0 to 1.
  int at(std::uint64_t milliseconds, double fill) {
    changed_ = overload_.observe(kStart + milliseconds * kMillisecond, fill);
    return static_cast<int>(overload_.level());
  }
  int shift() const { return overload_.sampling_shift(); }

  Overload overload_{8};
  bool changed_ = false;
};

TEST_F(OverloadTest, GoesUpALevelAfterEach10Milliseconds) {
  EXPECT_EQ(at(0, 0.5), 0);
  EXPECT_EQ(at(9, 1), 0);
  EXPECT_FALSE(changed_);
  EXPECT_EQ(at(10, 1), 1);
  EXPECT_TRUE(changed_);
  EXPECT_EQ(at(19, 1), 1);
  EXPECT_FALSE(changed_);
  EXPECT_EQ(at(20, 1), 2);
  EXPECT_EQ(at(30, 1), 3);
  EXPECT_EQ(shift(), 0);
  EXPECT_EQ(at(40, 1), 4);
  EXPECT_EQ(shift(), 1);
}

TEST_F(OverloadTest, AMomentIsNotEnough) {
  at(0, 1);
  at(9, 0.49);
  EXPECT_EQ(at(10, 1), 0);
  EXPECT_EQ(at(19, 1), 0);
  EXPECT_EQ(at(20, 1), 1);
}

TEST_F(OverloadTest, SamplesEverLessUpToTheMost) {
  for (std::uint64_t time = 0; time <= 60; time += 10) at(time, 1);
  EXPECT_EQ(shift(), 3);
  EXPECT_EQ(at(70, 1), 4);
  EXPECT_FALSE(changed_);
  EXPECT_EQ(shift(), 3);
}

TEST_F(OverloadTest, BetweenTheThresholdsItStays) {
  for (std::uint64_t time = 0; time <= 20; time += 10) at(time, 1);
  for (std::uint64_t time = 30; time < 10'000; time += 10) ASSERT_EQ(at(time, 0.3), 2);
}

TEST_F(OverloadTest, GoesBackAStepASecond) {
  for (std::uint64_t time = 0; time <= 50; time += 10) at(time, 1);
  EXPECT_EQ(shift(), 2);
  EXPECT_EQ(at(60, 0.25), 4);
  EXPECT_EQ(at(1'059, 0), 4);
  EXPECT_EQ(shift(), 2);
  EXPECT_EQ(at(1'060, 0), 4);
  EXPECT_EQ(shift(), 1);
  EXPECT_EQ(at(2'060, 0), 3);
  EXPECT_EQ(shift(), 0);
  EXPECT_EQ(at(3'060, 0), 2);
  EXPECT_EQ(at(4'060, 0), 1);
  EXPECT_EQ(at(5'060, 0), 0);
  EXPECT_TRUE(changed_);
  EXPECT_EQ(at(6'060, 0), 0);
  EXPECT_FALSE(changed_);
}

TEST_F(OverloadTest, WhatComesAgainWhileItRecoversRaisesItAgain) {
  for (std::uint64_t time = 0; time <= 20; time += 10) at(time, 1);
  at(30, 0);
  at(1'029, 1);
  EXPECT_EQ(at(1'030, 0), 2);
  EXPECT_EQ(at(2'029, 0), 2);
  EXPECT_EQ(at(2'030, 0), 1);
}

TEST(Overload, DoesNotSampleIfItMustNot) {
  Overload overload(1);
  for (std::uint64_t time = 0; time <= 100; time += 10) overload.observe(kStart + time * kMillisecond, 1);
  EXPECT_EQ(overload.level(), OverloadLevel::kFewerFeatures);
  EXPECT_EQ(overload.sampling_shift(), 0);
}

TEST(Overload, BeginsWhenTheTimeIsKnown) {
  Overload overload(8);
  EXPECT_FALSE(overload.observe(0, 1));
  EXPECT_FALSE(overload.observe(kStart, 1));
  EXPECT_TRUE(overload.observe(kStart + 10 * kMillisecond, 1));
}

}  // namespace
}  // namespace spanflow::testing::overload_test

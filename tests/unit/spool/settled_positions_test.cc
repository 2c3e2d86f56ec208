// Tests that positions may be settled in any order.
#include "spool/settled_positions.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace spanflow::testing::settled_positions_test {
namespace {

TEST(SettledPositionsTest, TheLowWaterMarkWaitsForTheOldest) {
  SettledPositions settled(10);
  EXPECT_EQ(settled.settle(12, 13), 1U);
  EXPECT_EQ(settled.settle(11, 12), 1U);
  EXPECT_EQ(settled.low_water(), 10U);
  EXPECT_EQ(settled.above(), 2U);
  EXPECT_EQ(settled.settle(10, 11), 1U);
  EXPECT_EQ(settled.low_water(), 13U);
  EXPECT_EQ(settled.above(), 0U);
}

TEST(SettledPositionsTest, NothingIsSettledTwice) {
  SettledPositions settled(10);
  EXPECT_EQ(settled.settle(0, 10), 0U);
  EXPECT_EQ(settled.settle(15, 20), 5U);
  EXPECT_EQ(settled.settle(14, 21), 2U);
  EXPECT_EQ(settled.settle(16, 18), 0U);
  EXPECT_EQ(settled.settle(5, 30), 13U);
  EXPECT_EQ(settled.low_water(), 30U);
}

TEST(SettledPositionsTest, RandomRangesAsASetHasThem) {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    SettledPositions settled;
    std::set<std::uint64_t> model;
    for (int i = 0; i < 100; ++i) {
      const std::uint64_t first = random() % 300;
      const std::uint64_t end = first + random() % 8;
      std::uint64_t added = 0;
      for (std::uint64_t position = first; position < end; ++position) added += model.insert(position).second;
      ASSERT_EQ(settled.settle(first, end), added);
      ASSERT_EQ(settled.low_water() + settled.above(), model.size());
      for (std::uint64_t position = 0; position < 310; ++position) {
        ASSERT_EQ(settled.contains(position), model.contains(position)) << position;
      }
    }
  }
}

}  // namespace
}  // namespace spanflow::testing::settled_positions_test

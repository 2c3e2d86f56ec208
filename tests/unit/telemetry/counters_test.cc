#include "telemetry/counters.h"

#include <gmock/gmock.h>

#include <set>

namespace spanflow::testing {
namespace {

TEST(Counters, NamesAreUniqueAndEveryOneHasAHelpLine) {
  std::set<std::string_view> names;
  for (const CounterInfo& counter : kCounters) {
    EXPECT_TRUE(names.insert(counter.name).second) << counter.name;
    EXPECT_FALSE(counter.help.empty()) << counter.name;
    EXPECT_FALSE(counter.unit.empty()) << counter.name;
    EXPECT_EQ(&info(counter.id), &counter);
  }
}

TEST(Counters, TheReferenceHasARowForEach) {
  const std::string text = list_counters();
  for (const CounterInfo& counter : kCounters) {
    EXPECT_THAT(text, ::testing::HasSubstr("| `" + std::string(counter.name) + "` |"));
  }
}

TEST(Counters, AreAddedUpOverThreads) {
  Counters one;
  Counters other;
  one.add(Counter::kPacketsMetered, 5);
  one.subtract(Counter::kPacketsMetered, 2);
  other.add(Counter::kPacketsMetered);
  CounterValues sums{};
  one.add_to(sums);
  other.add_to(sums);
  EXPECT_EQ(value_of(sums, Counter::kPacketsMetered), 4U);
  EXPECT_EQ(value_of(sums, Counter::kPacketsReceived), 0U);
}

TEST(Counters, OfSomeGaugesTheGreatestCounts) {
  Counters one;
  Counters other;
  one.set(Counter::kFlowsEvictedIdle, 5);
  other.set(Counter::kFlowsEvictedIdle, 3);
  CounterValues sums{};
  one.add_to(sums);
  other.add_to(sums);
  EXPECT_EQ(value_of(sums, Counter::kFlowsEvictedIdle), 5U);
}

}  // namespace
}  // namespace spanflow::testing

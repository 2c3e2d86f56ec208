#include "telemetry/counters.h"

#include <gmock/gmock.h>

#include <set>

namespace spanflow::testing::counters_test {
namespace {

TEST(Counters, NamesAreUniqueAndHaveAHelpText) {
  std::set<std::string_view> names;
  for (const CounterInfo& counter : kCounters) {
    EXPECT_TRUE(names.insert(counter.name).second) << counter.name;
    EXPECT_FALSE(counter.help.empty()) << counter.name;
    EXPECT_FALSE(counter.unit.empty()) << counter.name;
    EXPECT_EQ(&info(counter.id), &counter);
  }
}

TEST(Counters, TheReferenceHasARowForEachCounter) {
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
  add_up(one.values(), sums);
  add_up(other.values(), sums);
  EXPECT_EQ(value_of(sums, Counter::kPacketsMetered), 4U);
  EXPECT_EQ(value_of(sums, Counter::kPacketsReceived), 0U);
}

TEST(Counters, SomeGaugesTakeTheMaximumOverThreads) {
  Counters one;
  Counters other;
  one.set(Counter::kFlowsEvictedIdle, 5);
  other.set(Counter::kFlowsEvictedIdle, 3);
  CounterValues sums{};
  add_up(one.values(), sums);
  add_up(other.values(), sums);
  EXPECT_EQ(value_of(sums, Counter::kFlowsEvictedIdle), 5U);
}

TEST(Histogram, AValueCountsInTheFirstRangeThatContainsIt) {
  Counters counters;
  for (const std::uint64_t packets : {1, 2, 5, 6, 32, 33, 1000}) {
    counters.observe(HistogramId::kPacketsToVerdict, packets);
  }
  AllHistograms histograms{};
  counters.add_to(histograms);
  const HistogramValues& values = histograms[static_cast<std::size_t>(HistogramId::kPacketsToVerdict)];
  // The ranges end at 1, 2, 3, 4, 6, 8, 12, 16, 24 and 32. The last range has no end, and counts 33 and 1000.
  EXPECT_THAT(values.counts, ::testing::ElementsAre(1, 1, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0));
  EXPECT_EQ(values.sum, 1079U);
  EXPECT_EQ(values.count(), 7U);
}

TEST(Histogram, SeveralThreadsAreAddedUp) {
  Counters one;
  Counters other;
  one.observe(HistogramId::kExportLag, 5'000'000);
  other.observe(HistogramId::kExportLag, 7'000'000);
  AllHistograms histograms{};
  one.add_to(histograms);
  other.add_to(histograms);
  const HistogramValues& values = histograms[static_cast<std::size_t>(HistogramId::kExportLag)];
  EXPECT_EQ(values.counts.front(), 2U);
  EXPECT_EQ(values.sum, 12'000'000U);
}

TEST(Histogram, BoundsAreSorted) {
  for (const HistogramInfo& histogram : kHistograms) {
    EXPECT_TRUE(std::ranges::is_sorted(histogram.bounds)) << histogram.name;
    EXPECT_LT(histogram.bounds.size(), HistogramValues::kMostRanges);
    EXPECT_EQ(&info(histogram.id), &histogram);
  }
}

}  // namespace
}  // namespace spanflow::testing::counters_test

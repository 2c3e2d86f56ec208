#include "base/units.h"

#include <gmock/gmock.h>

#include "base/intern.h"

namespace spanflow::testing::units_test {
namespace {

using namespace std::chrono_literals;

TEST(ParseDuration, TakesEveryUnit) {
  EXPECT_EQ(parse_duration("7ns"), 7ns);
  EXPECT_EQ(parse_duration("7us"), 7us);
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("120s"), 120s);
  EXPECT_EQ(parse_duration("2m"), 2min);
  EXPECT_EQ(parse_duration("3h"), 3h);
  EXPECT_EQ(parse_duration("2d"), 48h);
}

TEST(ParseDuration, TakesFractionsAndASpace) {
  EXPECT_EQ(parse_duration("1.5h"), 90min);
  EXPECT_EQ(parse_duration("0.25 s"), 250ms);
}

TEST(ParseDuration, NeedsAUnitExceptForZero) {
  EXPECT_EQ(parse_duration("0"), 0ns);
  EXPECT_EQ(parse_duration("120"), std::nullopt);
}

TEST(ParseDuration, RefusesOtherTexts) {
  for (const char* text : {"", "s", "-1s", "5 seconds", "5S", "1s2", "1 s ", "x", "1e30s", "infs", "nans"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(FormatDuration, IsTheShortestWholeForm) {
  EXPECT_EQ(format_duration(0ns), "0s");
  EXPECT_EQ(format_duration(1ns), "1ns");
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  EXPECT_EQ(format_duration(120s), "120s");
  EXPECT_EQ(format_duration(10min), "10m");
  EXPECT_EQ(format_duration(610s), "610s");
  EXPECT_EQ(format_duration(48h), "2d");
}

TEST(FormatDuration, IsReadBackToTheSameTime) {
  for (const Nanoseconds time : std::initializer_list<Nanoseconds>{0ns, 1ns, 999ns, 1001us, 119s, 120s, 2h, 24h, 25h}) {
    EXPECT_EQ(parse_duration(format_duration(time)), time);
  }
}

TEST(ParseSize, TakesBinaryAndDecimalUnits) {
  EXPECT_EQ(parse_size("4096"), 4096U);
  EXPECT_EQ(parse_size("7B"), 7U);
  EXPECT_EQ(parse_size("2kB"), 2000U);
  EXPECT_EQ(parse_size("2KiB"), 2048U);
  EXPECT_EQ(parse_size("64MiB"), 67'108'864U);
  EXPECT_EQ(parse_size("1.5 GB"), 1'500'000'000U);
  EXPECT_EQ(parse_size("1TiB"), 1ULL << 40);
}

TEST(ParseSize, RefusesOtherTexts) {
  for (const char* text : {"", "MiB", "-1", "1MB/s", "1mib", "1e30", "inf", "nan"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

TEST(FormatSize, IsTheShortestWholeForm) {
  EXPECT_EQ(format_size(0), "0B");
  EXPECT_EQ(format_size(1000), "1000B");
  EXPECT_EQ(format_size(2048), "2KiB");
  EXPECT_EQ(format_size(256ULL << 20), "256MiB");
  EXPECT_EQ(format_size(3ULL << 40), "3TiB");
}

TEST(WithSeparators, GroupsByThousands) {
  EXPECT_EQ(with_separators(0), "0");
  EXPECT_EQ(with_separators(999), "999");
  EXPECT_EQ(with_separators(1000), "1,000");
  EXPECT_EQ(with_separators(1'234'567), "1,234,567");
}

TEST(Intern, EqualTextsAreKeptOnce) {
  const std::string text = "a text of some length";
  const std::string_view kept = intern(text);
  EXPECT_EQ(kept, text);
  EXPECT_NE(kept.data(), text.data());
  EXPECT_EQ(intern(std::string(text)).data(), kept.data());
}

}  // namespace
}  // namespace spanflow::testing::units_test

#include "telemetry/folding.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "support/memory_log.h"

namespace spanflow::testing::folding_test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

class FoldingTest : public ::testing::Test {
 protected:
  void say(const std::string& text, spdlog::level::level_enum level = spdlog::level::warn) {
    folding_.write({.level = level, .time = spdlog::log_clock::time_point{now_.time_since_epoch()}, .text = text});
  }
  void say_times(int times, const std::string& text) {
    for (int i = 0; i < times; ++i) say(text);
  }

  Folding::Clock::time_point now_{1h};
  const std::shared_ptr<MemoryLog> log_ = std::make_shared<MemoryLog>();
  Folding folding_{log_, [this] { return now_; }};
};

TEST_F(FoldingTest, DifferentMessagesAreWrittenAtOnce) {
  say("a");
  say("b");
  say("a 1");
  EXPECT_THAT(log_->lines(), ElementsAre("a", "b", "a 1"));
}

TEST_F(FoldingTest, RepetitionsAreReportedAfterTheFoldingTime) {
  say("a");
  say_times(37, "a");
  now_ += 10s - 1ns;
  folding_.flush();
  EXPECT_THAT(log_->lines(), ElementsAre("a"));
  now_ += 1ns;
  folding_.flush();
  EXPECT_THAT(log_->lines(), ElementsAre("a", "a (37 times more within 10 s)"));
  now_ += 1min;
  folding_.flush();
  EXPECT_EQ(log_->entries().size(), 2U);
}

TEST_F(FoldingTest, OneRepetitionIsReportedAsOnceMore) {
  say_times(2, "a");
  now_ += 10s;
  folding_.flush();
  EXPECT_THAT(log_->lines(), ElementsAre("a", "a (once more within 10 s)"));
}

TEST_F(FoldingTest, TheReportHasTheLevelAndTheTimeOfTheLastMessage) {
  say("a", spdlog::level::err);
  now_ += 3s;
  say("a", spdlog::level::err);
  now_ += 7s;
  folding_.flush();
  const LogEntry told = log_->entries().back();
  EXPECT_EQ(told.level, spdlog::level::err);
  EXPECT_EQ(told.text, "a");
  EXPECT_EQ(told.repeated, 1U);
  EXPECT_EQ(told.time.time_since_epoch(), 1h + 3s);
}

TEST_F(FoldingTest, AnotherLevelIsAnotherMessage) {
  say("a", spdlog::level::warn);
  say("a", spdlog::level::err);
  EXPECT_EQ(log_->entries().size(), 2U);
}

TEST_F(FoldingTest, AMessageAfterTheFoldingTimeIsWrittenAgain) {
  say_times(2, "a");
  now_ += 10s;
  say("a");
  EXPECT_THAT(log_->lines(), ElementsAre("a", "a (once more within 10 s)", "a"));
}

TEST_F(FoldingTest, AMessageWithoutRepetitionsIsNotReported) {
  say("a");
  now_ += 10s;
  folding_.flush();
  folding_.finish();
  EXPECT_THAT(log_->lines(), ElementsAre("a"));
}

TEST_F(FoldingTest, FinishReportsAllMessages) {
  say_times(3, "a");
  say_times(2, "b");
  folding_.finish();
  EXPECT_THAT(log_->lines(), ElementsAre("a", "b", "a (2 times more within 10 s)", "b (once more within 10 s)"));
}

TEST_F(FoldingTest, ANewMessageReplacesTheOldestOf64) {
  say_times(2, "a");
  for (std::size_t i = 1; i < Folding::kRemembered; ++i) say(fmt::format("other {}", i));
  say("a");
  EXPECT_EQ(log_->entries().size(), Folding::kRemembered);
  say("one more");
  const auto lines = log_->lines();
  ASSERT_EQ(lines.size(), Folding::kRemembered + 2);
  EXPECT_EQ(lines[Folding::kRemembered], "a (2 times more within 10 s)");
  EXPECT_EQ(lines[Folding::kRemembered + 1], "one more");
  say("a");
  EXPECT_EQ(log_->lines().back(), "a");
}

}  // namespace
}  // namespace spanflow::testing::folding_test

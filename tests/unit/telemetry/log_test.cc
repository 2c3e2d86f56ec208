// Tests the whole log: levels, escaping, JSON, and the thread that writes the lines.
#include "telemetry/log.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <cstdio>
#include <future>
#include <nlohmann/json.hpp>
#include <thread>

#include "config/config.h"
#include "support/eventually.h"
#include "support/memory_log.h"
#include "telemetry/log_writer.h"

namespace spanflow::testing::log_test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using ::testing::ElementsAre;

// A clock that never moves, so that even in a slow test no message becomes older than kFoldingTime.
LogThread::Clock::time_point frozen_clock() { return LogThread::Clock::time_point{1h}; }

// Redirects the log to the test.
class LogTest : public ::testing::Test {
 protected:
  LogTest() { log_to(log_); }
  ~LogTest() override { configure_log({}); }

  const std::shared_ptr<MemoryLog> log_ = std::make_shared<MemoryLog>();
};

TEST_F(LogTest, WithoutALogThreadLinesAreWrittenAtOnceAndNotFolded) {
  log().warn("a {}", 1);
  log().warn("a {}", 1);
  EXPECT_THAT(log_->lines(), ElementsAre("a 1", "a 1"));
  EXPECT_EQ(log_->entries()[0].level, spdlog::level::warn);
}

TEST_F(LogTest, ControlCharactersAndInvalidUtf8AreEscaped) {
  log().info("a\tb\n\x1b[31m\x7f grün \xff\xc2\x9b"sv);
  EXPECT_THAT(log_->lines(), ElementsAre("a\\x09b\\x0A\\x1B[31m\\x7F grün \\xFF\\xC2\\x9B"));
}

TEST_F(LogTest, MessagesBelowTheLevelAreNotLogged) {
  const auto log_all = [] {
    log().debug("debug");
    log().info("info");
    log().warn("warning");
    log().error("error");
  };
  set_log_level("debug");
  log_all();
  set_log_level("warning");
  log_all();
  set_log_level("error");
  log_all();
  EXPECT_THAT(log_->lines(), ElementsAre("debug", "info", "warning", "error", "warning", "error", "error"));
}

TEST_F(LogTest, ALogThreadKeepsTheLevel) {
  set_log_level("error");
  {
    const LogThread thread;
    log().warn("a");
    set_log_level("debug");
    log().debug("b");
  }
  log().debug("c");
  EXPECT_THAT(log_->lines(), ElementsAre("b", "c"));
}

TEST_F(LogTest, ALogThreadWritesAllLinesAndReportsFoldedOnes) {
  {
    const LogThread thread(frozen_clock);
    for (int i = 0; i < 500; ++i) log().info("line {}", i);
    for (int i = 0; i < 38; ++i) log().error("again");
  }
  const auto lines = log_->lines();
  ASSERT_EQ(lines.size(), 502U);
  for (std::size_t i = 0; i < 500; ++i) EXPECT_EQ(lines[i], fmt::format("line {}", i));
  EXPECT_EQ(lines[500], "again");
  EXPECT_EQ(lines[501], "again (37 times more within 10 s)");
}

TEST_F(LogTest, SeveralThreadsMayLog) {
  {
    const LogThread thread;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([i] {
        for (int n = 0; n < 200; ++n) log().info("{} {}", i, n);
      });
    }
    for (std::thread& each : threads) each.join();
  }
  EXPECT_EQ(log_->lines().size(), 800U);
}

// A log whose write() blocks until open() is called.
class BlockedLog : public MemoryLog {
 public:
  void write(const LogEntry& entry) override {
    reached_ = true;
    is_open_.wait();
    MemoryLog::write(entry);
  }
  bool is_reached() const { return reached_; }
  void open() { opened_.set_value(); }

 private:
  std::atomic<bool> reached_{false};
  std::promise<void> opened_;
  const std::shared_future<void> is_open_{opened_.get_future()};
};

TEST(LogThread, ABlockedLogBlocksNoThreadAndLostLinesAreReported) {
  constexpr std::size_t kLogged = 5000;
  const auto blocked = std::make_shared<BlockedLog>();
  log_to(blocked);
  {
    const LogThread thread;
    log().info("first");
    ASSERT_TRUE(eventually([&] { return blocked->is_reached(); }));
    for (std::size_t i = 0; i < kLogged; ++i) log().info("line {}", i);
    blocked->open();
  }
  configure_log({});
  std::size_t written = 0;
  std::size_t lost = 0;
  std::string last;
  for (const LogEntry& entry : blocked->entries()) {
    if (entry.level == spdlog::level::err) {
      unsigned long count = 0;
      ASSERT_EQ(std::sscanf(entry.text.c_str(), "log: %lu messages were lost", &count), 1) << entry.text;
      lost += count;
    } else {
      ++written;
      last = entry.text;
    }
  }
  EXPECT_GT(lost, 0U);
  EXPECT_EQ(written + lost, 1 + kLogged);
  EXPECT_EQ(last, fmt::format("line {}", kLogged - 1)) << "the oldest lines are lost";
}

TEST(JsonLine, HoldsTimeLevelAndMessage) {
  const spdlog::log_clock::time_point time{1'700'000'000s + 7'654'321ns};
  EXPECT_EQ(json_line({.level = spdlog::level::warn, .time = time, .text = "a \"b\" \\x0A"}, ""),
            R"({"time":"2023-11-14T22:13:20.007Z","level":"warning","message":"a \"b\" \\x0A"})");
}

TEST(JsonLine, HoldsTheSensorAndTheRepetitions) {
  const std::string line = json_line(
      {.level = spdlog::level::err, .time = spdlog::log_clock::time_point{1s}, .text = "a", .repeated = 37}, "north\n");
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json, nlohmann::json({{"time", "1970-01-01T00:00:01.000Z"},
                                  {"level", "error"},
                                  {"message", "a"},
                                  {"sensor_id", "north\\x0A"},
                                  {"repeated", 37}}));
}

}  // namespace
}  // namespace spanflow::testing::log_test

// Tests a sink behind its own queue: the SinkRunner counts lost records, and the ledger always balances.
#include "export/sink_runner.h"

#include <gmock/gmock.h>

#include <future>

#include "base/error.h"
#include "support/eventually.h"
#include "support/memory_sink.h"
#include "support/records.h"

namespace spanflow::testing::sink_runner_test {
namespace {

using namespace std::chrono_literals;

bool balances(const SinkLedger& ledger) {
  std::uint64_t dropped = 0;
  for (const std::uint64_t count : ledger.dropped) dropped += count;
  return ledger.handed == ledger.delivered + ledger.queued + ledger.spooled + dropped;
}

std::uint64_t dropped(const SinkRunner& sink, DropReason reason) {
  return sink.ledger().dropped[static_cast<std::size_t>(reason)];
}

// Controls and observes a sink that the runner owns.
struct Control {
  std::atomic<bool> closed{false};  // while true, write() waits
  std::atomic<bool> writing{false};
  std::atomic<int> failures{0};  // number of flushes that will still throw
  std::atomic<int> flushes{0};
  std::atomic<bool> ended{false};
  std::atomic<int> flushes_at_end{0};  // number of flushes after end()
};

class ControlledSink : public MemorySink {
 public:
  ControlledSink(std::shared_ptr<KeptRecords> kept, std::shared_ptr<Control> control)
      : MemorySink(std::move(kept)), control_(std::move(control)) {}

  void write(std::span<const FlowRecord> records) override {
    control_->writing = true;
    EXPECT_TRUE(eventually([this] { return !control_->closed; }));
    MemorySink::write(records);
  }
  void flush() override {
    ++control_->flushes;
    if (control_->ended) ++control_->flushes_at_end;
    if (control_->failures == 0) return;
    --control_->failures;
    throw RunError("target: cannot be written");
  }
  void end() override { control_->ended = true; }

 private:
  std::shared_ptr<Control> control_;
};

class SinkRunnerTest : public ::testing::Test {
 protected:
  std::unique_ptr<SinkRunner> start(std::uint64_t queue, bool wait) {
    auto runner = std::make_unique<SinkRunner>("test", std::make_unique<ControlledSink>(kept_, control_), queue, wait,
                                               abandon_, [this] { return SinkRunner::Time{seconds_.load() * 1s}; });
    runner->start();
    return runner;
  }

  // Returns a runner whose sink is stuck in write() with four records.
  std::unique_ptr<SinkRunner> start_stuck(std::uint64_t queue, bool wait) {
    control_->closed = true;
    auto runner = start(queue, wait);
    runner->enqueue(batch_of(0, 4));
    EXPECT_TRUE(eventually([this] { return control_->writing.load(); }));
    return runner;
  }

  std::shared_ptr<KeptRecords> kept_ = std::make_shared<KeptRecords>();
  std::shared_ptr<Control> control_ = std::make_shared<Control>();
  std::atomic<bool> abandon_{false};
  std::atomic<int> seconds_{0};  // the time of the runner's clock, in seconds
};

TEST_F(SinkRunnerTest, DeliversEverythingInOrder) {
  const auto runner = start(1000, false);
  for (std::uint64_t i = 0; i < 10; ++i) runner->enqueue(batch_of(10 * i, 10));
  runner->finish();
  const auto numbers = numbers_of(kept_->all());
  ASSERT_EQ(numbers.size(), 100U);
  EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
  EXPECT_EQ(runner->ledger().handed, 100U);
  EXPECT_EQ(runner->ledger().delivered, 100U);
  EXPECT_EQ(runner->ledger().name, "test");
  EXPECT_EQ(runner->failure(), nullptr);
}

TEST_F(SinkRunnerTest, WhatIsDeliveredIsCountedWhileTheRunGoesOn) {
  const auto runner = start(1000, false);
  runner->enqueue(batch_of(0, 3));
  EXPECT_TRUE(eventually([&] { return runner->ledger().delivered == 3; }));
  runner->finish();
}

TEST_F(SinkRunnerTest, ASinkIsFlushedAlsoWhileNothingComes) {
  const auto runner = start(1000, false);
  EXPECT_TRUE(eventually([&] { return control_->flushes >= 3; }));
  runner->finish();
}

TEST_F(SinkRunnerTest, TheLastFlushFollowsTheEnd) {
  const auto runner = start(1000, true);
  runner->enqueue(batch_of(0, 3));
  EXPECT_TRUE(eventually([&] { return runner->ledger().delivered == 3; }));
  EXPECT_FALSE(control_->ended);
  runner->finish();
  EXPECT_EQ(control_->flushes_at_end, 1);
}

TEST_F(SinkRunnerTest, ASlowLiveSinkFillsItsOwnQueueAndTheRestIsCounted) {
  const auto runner = start_stuck(10, false);
  runner->enqueue(batch_of(4, 4));
  runner->enqueue(batch_of(8, 4));
  runner->enqueue(batch_of(12, 4));  // 8 records wait, so these 4 do not fit
  runner->enqueue(batch_of(16, 2));  // these 2 fit
  EXPECT_EQ(dropped(*runner, DropReason::kQueueFull), 4U);
  EXPECT_EQ(runner->ledger().queued, 14U);
  EXPECT_TRUE(balances(runner->ledger()));
  control_->closed = false;
  runner->finish();
  EXPECT_EQ(runner->ledger().delivered, 14U);
  EXPECT_TRUE(balances(runner->ledger()));
  EXPECT_EQ(numbers_of(kept_->all()).back(), 17U);
}

TEST_F(SinkRunnerTest, ABatchGreaterThanTheQueueStillGetsThroughAlone) {
  const auto runner = start(2, false);
  runner->enqueue(batch_of(0, 50));
  runner->finish();
  EXPECT_EQ(runner->ledger().delivered, 50U);
}

TEST_F(SinkRunnerTest, ACaptureFileWaitsForASlowSink) {
  const auto runner = start_stuck(5, true);
  runner->enqueue(batch_of(4, 5));
  auto waiting = std::async(std::launch::async, [&] { runner->enqueue(batch_of(9, 5)); });
  EXPECT_TRUE(eventually([&] { return runner->ledger().handed == 14; }));
  EXPECT_EQ(waiting.wait_for(0s), std::future_status::timeout);
  control_->closed = false;
  waiting.get();
  runner->finish();
  EXPECT_EQ(dropped(*runner, DropReason::kQueueFull), 0U);
  EXPECT_EQ(runner->ledger().delivered, 14U);
}

TEST_F(SinkRunnerTest, ALiveSinkThatFailsIsTriedAgain) {
  control_->failures = 1;
  const auto runner = start(1000, false);
  runner->enqueue(batch_of(0, 5));
  EXPECT_TRUE(eventually([&] { return runner->ledger().delivered == 5; }));
  EXPECT_FALSE(runner->has_ended());
  runner->finish();
  EXPECT_EQ(runner->failure(), nullptr);
  EXPECT_TRUE(balances(runner->ledger()));
}

TEST_F(SinkRunnerTest, ALiveSinkThatStillFailsAtTheEndHasItsRecordsCounted) {
  control_->failures = 1'000'000;
  const auto runner = start(1000, false);
  runner->enqueue(batch_of(0, 5));
  runner->finish();
  EXPECT_EQ(runner->ledger().delivered, 0U);
  EXPECT_EQ(dropped(*runner, DropReason::kWriteFailed), 5U);
  EXPECT_NE(runner->failure(), nullptr);
  EXPECT_TRUE(balances(runner->ledger()));
}

TEST_F(SinkRunnerTest, OfACaptureFileAWriteErrorEndsTheSink) {
  control_->failures = 1;
  const auto runner = start(1000, true);
  EXPECT_TRUE(eventually([&] { return runner->has_ended(); }));
  runner->enqueue(batch_of(0, 5));
  EXPECT_EQ(dropped(*runner, DropReason::kWriteFailed), 5U);
  runner->finish();
  EXPECT_TRUE(kept_->all().empty());
  ASSERT_NE(runner->failure(), nullptr);
  try {
    std::rethrow_exception(runner->failure());
  } catch (const RunError& error) {
    EXPECT_STREQ(error.what(), "target: cannot be written");
  }
  EXPECT_TRUE(balances(runner->ledger()));
}

TEST_F(SinkRunnerTest, WhatAnAbandonedRunCouldNotWriteIsCountedAsStopped) {
  control_->failures = 1'000'000;
  const auto runner = start(1000, false);
  runner->enqueue(batch_of(0, 5));
  abandon_ = true;
  runner->finish();
  EXPECT_EQ(dropped(*runner, DropReason::kStopped), 5U);
  EXPECT_TRUE(balances(runner->ledger()));
}

TEST_F(SinkRunnerTest, AnAbandonedRunDoesNotWaitForRoom) {
  const auto runner = start_stuck(5, true);
  runner->enqueue(batch_of(4, 5));
  abandon_ = true;
  runner->enqueue(batch_of(9, 5));  // must return, although the queue is full
  EXPECT_TRUE(balances(runner->ledger()));
  control_->closed = false;
  runner->finish();
  EXPECT_TRUE(balances(runner->ledger()));
  EXPECT_EQ(runner->ledger().queued, 0U);
}

TEST_F(SinkRunnerTest, TheLedgerBalancesWheneverItIsLookedAt) {
  const auto runner = start(300, false);
  std::atomic<bool> done{false};
  std::thread collector([&] {
    for (std::uint64_t i = 0; i < 2000; ++i) {
      if (i % 100 == 0) control_->closed = true;
      if (i % 100 == 50) control_->closed = false;
      runner->enqueue(batch_of(i, i % 40 + 1));
    }
    control_->closed = false;
    done = true;
  });
  while (!done) ASSERT_TRUE(balances(runner->ledger()));
  collector.join();
  runner->finish();
  const SinkLedger ledger = runner->ledger();
  EXPECT_TRUE(balances(ledger));
  EXPECT_EQ(ledger.queued, 0U);
  EXPECT_EQ(ledger.delivered, kept_->all().size());
}

TEST_F(SinkRunnerTest, SaysHowManyRecordsWaitAndSinceWhen) {
  const auto runner = start_stuck(10, false);
  EXPECT_EQ(runner->ledger().waiting, 0U) << "the sink has them";
  runner->enqueue(batch_of(4, 4));
  EXPECT_EQ(runner->ledger().waiting, 4U);
  EXPECT_EQ(runner->ledger().queue_records, 10U);
  EXPECT_EQ(runner->ledger().oldest_seconds, 0);
  seconds_ += 20;
  EXPECT_EQ(runner->ledger().oldest_seconds, 20);
  control_->closed = false;
  EXPECT_TRUE(eventually([&] { return runner->ledger().delivered == 8; }));
  EXPECT_EQ(runner->ledger().oldest_seconds, 0);
  runner->finish();
}

}  // namespace
}  // namespace spanflow::testing::sink_runner_test

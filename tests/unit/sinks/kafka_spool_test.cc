// The Kafka sink with a spool: whatever becomes of the brokers and of the process, every record is somewhere.
#include <gmock/gmock.h>

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "export/sink_runner.h"
#include "sinks/sink.h"
#include "support/eventually.h"
#include "support/mock_cluster.h"
#include "support/records.h"
#include "support/temporary_folder.h"

namespace spanflow::testing {
namespace {

class KafkaSpoolTest : public ::testing::TestWithParam<SpoolMode> {
 protected:
  KafkaSpoolTest() {
    cluster_.make_topic("flows");
    sink_.type = "kafka";
    sink_.fields = {"flow_id"};
    sink_.kafka.brokers = cluster_.brokers();
    sink_.kafka.topic = "flows";
    sink_.kafka.flush_timeout = std::chrono::seconds{20};
    sink_.kafka.spool.path = folder_ / "spool";
    sink_.kafka.rdkafka = {{"linger.ms", "1"}, {"reconnect.backoff.max.ms", "200"}};
  }

  std::unique_ptr<SinkRunner> start(bool live = true) {
    auto sink = make_sink(sink_, {config_, {}, abandon_, live});
    auto runner = std::make_unique<SinkRunner>("kafka", std::move(sink), 100'000, !live, abandon_);
    runner->start();
    return runner;
  }

  static std::uint64_t dropped(const SinkLedger& ledger) {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : ledger.dropped) sum += count;
    return sum;
  }

  static void expect_balanced(const SinkLedger& ledger) {
    EXPECT_EQ(ledger.handed + ledger.recovered, ledger.delivered + ledger.queued + ledger.spooled + dropped(ledger));
  }

  bool eventually_ledger(const SinkRunner& runner, const std::function<bool(const SinkLedger&)>& condition) {
    return eventually([&] {
      const SinkLedger ledger = runner.ledger();
      expect_balanced(ledger);
      return condition(ledger);
    });
  }

  // How often each flow can be read.
  std::map<std::string, int> arrived() {
    std::map<std::string, int> times;
    for (const auto& message : cluster_.read("flows")) {
      ++times[nlohmann::json::parse(message.value)["flow_id"].get<std::string>()];
    }
    return times;
  }

  std::size_t segments() const {
    std::size_t count = 0;
    for (const auto& file : std::filesystem::directory_iterator(sink_.kafka.spool.path)) {
      count += file.path().extension() == ".spool" ? 1 : 0;
    }
    return count;
  }

  TemporaryFolder folder_;
  MockCluster cluster_;
  Config config_;
  SinkConfig sink_;
  std::atomic<bool> abandon_{false};
};

TEST_F(KafkaSpoolTest, WhileAllGoesWellNothingIsSpooled) {
  const auto runner = start();
  runner->enqueue(batch_of(0, 5000));
  EXPECT_TRUE(eventually_ledger(*runner, [](const auto& ledger) {
    EXPECT_EQ(ledger.spooled, 0U);
    return ledger.delivered == 5000;
  }));
  EXPECT_EQ(segments(), 0U);
  runner->finish();
  EXPECT_EQ(arrived().size(), 5000U);
}

TEST_F(KafkaSpoolTest, AnOutageIsSpooledAndReplayedAndThenNothingIsSpooledAnyMore) {
  const auto runner = start();
  runner->enqueue(batch_of(0, 100));
  EXPECT_TRUE(eventually_ledger(*runner, [](const auto& ledger) { return ledger.delivered == 100; }));
  cluster_.stop_broker();
  runner->enqueue(batch_of(100, 200));
  EXPECT_TRUE(eventually_ledger(*runner, [](const auto& ledger) { return ledger.spooled == 200; }));
  runner->enqueue(batch_of(300, 200));
  EXPECT_TRUE(eventually_ledger(*runner, [](const auto& ledger) { return ledger.spooled == 400; }));
  EXPECT_EQ(runner->ledger().queued, 0U);
  cluster_.start_broker();
  EXPECT_TRUE(eventually_ledger(*runner, [](const auto& ledger) { return ledger.delivered == 500; }));
  EXPECT_TRUE(eventually([this] { return segments() == 0; }));
  runner->enqueue(batch_of(500, 100));
  EXPECT_TRUE(eventually_ledger(*runner, [](const auto& ledger) {
    EXPECT_EQ(ledger.spooled, 0U);
    return ledger.delivered == 600;
  }));
  runner->finish();
  EXPECT_EQ(dropped(runner->ledger()), 0U);
  EXPECT_EQ(arrived().size(), 600U);
}

TEST_P(KafkaSpoolTest, WhatIsLeftAtTheEndOfARunIsSentByTheNext) {
  sink_.kafka.spool.mode = GetParam();
  sink_.kafka.flush_timeout = std::chrono::milliseconds{1500};
  cluster_.stop_broker();
  {
    const auto runner = start();
    runner->enqueue(batch_of(0, 300));
    runner->finish();
    EXPECT_EQ(runner->ledger().spooled, 300U);
    EXPECT_EQ(runner->failure(), nullptr);
    expect_balanced(runner->ledger());
  }
  cluster_.start_broker();
  sink_.kafka.flush_timeout = std::chrono::seconds{20};
  const auto runner = start();
  runner->enqueue(batch_of(300, 100));
  runner->finish();
  const SinkLedger ledger = runner->ledger();
  EXPECT_EQ(ledger.recovered, 300U);
  EXPECT_EQ(ledger.delivered, 400U);
  expect_balanced(ledger);
  EXPECT_EQ(arrived().size(), 400U);
}

TEST_P(KafkaSpoolTest, ASlowBrokerLosesNothingAndSendsNothingTwice) {
  sink_.kafka.spool.mode = GetParam();
  sink_.kafka.rdkafka["queue.buffering.max.messages"] = "50";
  cluster_.delay_answers(10);
  const auto runner = start();
  for (std::uint64_t first = 0; first < 1000; first += 200) runner->enqueue(batch_of(first, 200));
  EXPECT_TRUE(eventually_ledger(*runner, [](const auto& ledger) { return ledger.delivered == 1000; }));
  runner->finish();
  EXPECT_THAT(arrived(), ::testing::AllOf(::testing::SizeIs(1000), ::testing::Each(::testing::Pair(::testing::_, 1))));
}

TEST_P(KafkaSpoolTest, WhatNoBrokerTakesLeavesTheSpoolToo) {
  sink_.kafka.spool.mode = GetParam();
  sink_.kafka.rdkafka["message.max.bytes"] = "1000";
  cluster_.stop_broker();
  auto batch = std::make_shared<std::vector<FlowRecord>>();
  const std::string name(2000, 'x');
  for (std::uint64_t number = 0; number < 100; ++number) {
    batch->push_back(record_number(number));
    if (number % 10 == 0) batch->back().sensor_id = name;
  }
  const auto runner = start();
  runner->enqueue(batch);
  EXPECT_TRUE(eventually_ledger(*runner, [](const auto& ledger) { return ledger.spooled > 0; }));
  cluster_.start_broker();
  EXPECT_TRUE(eventually_ledger(*runner, [](const auto& ledger) { return ledger.delivered == 90; }));
  EXPECT_EQ(runner->ledger().dropped[static_cast<std::size_t>(DropReason::kWriteFailed)], 10U);
  EXPECT_TRUE(eventually_ledger(*runner, [](const auto& ledger) { return ledger.spooled == 0; }));
}

TEST_P(KafkaSpoolTest, ACaptureFileDoesNotWaitForBrokersThatAreAway) {
  sink_.kafka.spool.mode = GetParam();
  sink_.kafka.flush_timeout = std::chrono::milliseconds{1500};
  cluster_.stop_broker();
  const auto runner = start(false);
  runner->enqueue(batch_of(0, 1000));
  runner->finish();
  EXPECT_EQ(runner->ledger().spooled, 1000U);
  EXPECT_EQ(runner->failure(), nullptr);
}

TEST_F(KafkaSpoolTest, InModeAlwaysNothingIsInMemoryAlone) {
  sink_.kafka.spool.mode = SpoolMode::kAlways;
  cluster_.delay_answers(60'000);
  const auto runner = start();
  runner->enqueue(batch_of(0, 1000));
  EXPECT_TRUE(eventually_ledger(*runner, [](const auto& ledger) { return ledger.spooled == 1000; }));
  cluster_.delay_answers(0);
}

TEST_F(KafkaSpoolTest, OneProcessHasASpool) {
  const auto runner = start();
  EXPECT_THROW(start(), std::runtime_error);
}

INSTANTIATE_TEST_SUITE_P(Modes, KafkaSpoolTest, ::testing::Values(SpoolMode::kOnFailure, SpoolMode::kAlways),
                         [](const auto& mode) { return mode.param == SpoolMode::kAlways ? "always" : "on_failure"; });

}  // namespace
}  // namespace spanflow::testing

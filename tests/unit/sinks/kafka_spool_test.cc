// Tests that the Kafka sink with a spool loses no record in outages and restarts.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "export/sink_runner.h"
#include "sinks/sink.h"
#include "support/eventually.h"
#include "support/mock_cluster.h"
#include "support/records.h"
#include "support/sink_config.h"
#include "support/temporary_folder.h"

namespace spanflow::testing::kafka_spool_test {
namespace {

class KafkaSpoolTest : public ::testing::TestWithParam<std::string> {
 protected:
  KafkaSpoolTest() { cluster_.make_topic("flows"); }

  SinkConfig sink() const {
    YamlMembers options = options_;
    options["rdkafka"] = yaml_mapping(rdkafka_);
    options["spool"] = yaml_mapping(spool_);
    return sink_from(options);
  }

  std::unique_ptr<SinkRunner> start(bool live = true) {
    auto made = make_sink(sink(), {config_, {}, abandon_, live});
    auto runner = std::make_unique<SinkRunner>("kafka", std::move(made), 100'000, !live, abandon_);
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

  // Returns, for each flow id, the number of its records in the topic.
  std::map<std::string, int> arrived() {
    std::map<std::string, int> times;
    for (const auto& message : cluster_.read("flows")) {
      ++times[nlohmann::json::parse(message.value)["flow_id"].get<std::string>()];
    }
    return times;
  }

  // Writes a file of the spool from hexadecimal digits.
  void write_file(const std::string& name, std::string_view digits) const {
    std::filesystem::create_directories(spool_.at("path"));
    std::ofstream file(spool_.at("path") + "/" + name, std::ios::binary);
    for (std::size_t at = 0; at < digits.size(); at += 2) {
      file.put(static_cast<char>(std::stoi(std::string(digits.substr(at, 2)), nullptr, 16)));
    }
  }

  std::size_t spool_files() const {
    std::size_t count = 0;
    for (const auto& file : std::filesystem::directory_iterator(spool_.at("path"))) {
      count += file.path().extension() == ".spool" ? 1 : 0;
    }
    return count;
  }

  TemporaryFolder folder_;
  MockCluster cluster_;
  YamlMembers options_{{"type", "kafka"},
                       {"brokers", "'" + cluster_.brokers() + "'"},
                       {"topic", "flows"},
                       {"fields", "[flow_id]"},
                       {"flush_timeout", "20s"}};
  YamlMembers rdkafka_{{"linger.ms", "1"}, {"reconnect.backoff.max.ms", "200"}};
  YamlMembers spool_{{"path", folder_ / "spool"}};
  Config config_;
  std::atomic<bool> abandon_{false};
};

TEST_F(KafkaSpoolTest, WhileAllGoesWellNothingIsSpooled) {
  const auto runner = start();
  runner->enqueue(batch_of(0, 5000));
  EXPECT_TRUE(eventually_ledger(*runner, [](const auto& ledger) {
    EXPECT_EQ(ledger.spooled, 0U);
    return ledger.delivered == 5000;
  }));
  EXPECT_EQ(spool_files(), 0U);
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
  EXPECT_TRUE(eventually([this] { return spool_files() == 0; }));
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
  spool_["mode"] = GetParam();
  options_["flush_timeout"] = "1500ms";
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
  options_["flush_timeout"] = "20s";
  const auto runner = start();
  runner->enqueue(batch_of(300, 100));
  runner->finish();
  const SinkLedger ledger = runner->ledger();
  EXPECT_EQ(ledger.recovered, 300U);
  EXPECT_EQ(ledger.delivered, 400U);
  expect_balanced(ledger);
  EXPECT_EQ(arrived().size(), 400U);
}

// The files were written by the first program that had a spool, commit 31a0665.
TEST_F(KafkaSpoolTest, ASpoolOfTheFirstVersionIsSent) {
  write_file("00000000000000000007.spool",
             "7370616e73706f6c0100000007000000000000004fed7cd41200000034f1ba8b03006f6e657b22666c6f775f6964223a317d"
             "0f000000aa44684000007b22666c6f775f6964223a327d");
  write_file("acknowledged", "07000000000000008eb77176");
  const auto runner = start();
  runner->finish();
  const SinkLedger ledger = runner->ledger();
  EXPECT_EQ(ledger.recovered, 2U);
  EXPECT_EQ(ledger.delivered, 2U);
  expect_balanced(ledger);
  std::map<std::string, std::string> arrived;
  for (const auto& message : cluster_.read("flows")) arrived[message.value] = message.key;
  EXPECT_EQ(arrived, (std::map<std::string, std::string>{{R"({"flow_id":1})", "one"}, {R"({"flow_id":2})", ""}}));
}

TEST_P(KafkaSpoolTest, ASlowBrokerLosesNothingAndSendsNothingTwice) {
  spool_["mode"] = GetParam();
  rdkafka_["queue.buffering.max.messages"] = "50";
  cluster_.delay_answers(10);
  const auto runner = start();
  for (std::uint64_t first = 0; first < 1000; first += 200) runner->enqueue(batch_of(first, 200));
  EXPECT_TRUE(eventually_ledger(*runner, [](const auto& ledger) { return ledger.delivered == 1000; }));
  runner->finish();
  EXPECT_THAT(arrived(), ::testing::AllOf(::testing::SizeIs(1000), ::testing::Each(::testing::Pair(::testing::_, 1))));
}

TEST_P(KafkaSpoolTest, WhatNoBrokerTakesLeavesTheSpoolToo) {
  spool_["mode"] = GetParam();
  rdkafka_["message.max.bytes"] = "1000";
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
  spool_["mode"] = GetParam();
  options_["flush_timeout"] = "1500ms";
  cluster_.stop_broker();
  const auto runner = start(false);
  runner->enqueue(batch_of(0, 1000));
  runner->finish();
  EXPECT_EQ(runner->ledger().spooled, 1000U);
  EXPECT_EQ(runner->failure(), nullptr);
}

TEST_F(KafkaSpoolTest, InModeAlwaysNothingIsInMemoryAlone) {
  spool_["mode"] = "always";
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

INSTANTIATE_TEST_SUITE_P(Modes, KafkaSpoolTest, ::testing::Values("on_failure", "always"),
                         [](const auto& mode) { return mode.param; });

}  // namespace
}  // namespace spanflow::testing::kafka_spool_test

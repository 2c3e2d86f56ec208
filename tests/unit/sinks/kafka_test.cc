// Tests records that the sink sends to a topic: the content of the messages, and the ledger.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "export/sink_runner.h"
#include "sinks/record_text.h"
#include "sinks/sink.h"
#include "support/eventually.h"
#include "support/mock_cluster.h"
#include "support/records.h"
#include "support/sink_config.h"

namespace spanflow::testing::kafka_test {
namespace {

class KafkaSinkTest : public ::testing::Test {
 protected:
  KafkaSinkTest() { cluster_.make_topic("flows"); }

  SinkConfig sink() const {
    YamlMembers options = options_;
    options["rdkafka"] = yaml_mapping(rdkafka_);
    return sink_from(options);
  }

  std::unique_ptr<Sink> make(bool live = true) { return make_sink(sink(), {config_, {}, abandon_, live}); }

  std::unique_ptr<SinkRunner> start(bool live) {
    auto runner = std::make_unique<SinkRunner>("kafka", make(live), 1000, !live, abandon_);
    runner->start();
    return runner;
  }

  MockCluster::Message message_of(const FlowRecord& record) {
    const auto sink = make();
    sink->write(std::span(&record, 1));
    sink->finish();
    const auto messages = cluster_.read("flows");
    EXPECT_EQ(messages.size(), 1U);
    return messages.empty() ? MockCluster::Message{} : messages[0];
  }

  static bool balances(const SinkLedger& ledger) {
    std::uint64_t dropped = 0;
    for (const std::uint64_t count : ledger.dropped) dropped += count;
    return ledger.handed == ledger.delivered + ledger.queued + ledger.spooled + dropped;
  }

  static std::uint64_t stopped(const SinkLedger& ledger) {
    return ledger.dropped[static_cast<std::size_t>(DropReason::kStopped)];
  }

  MockCluster cluster_;
  YamlMembers options_{{"type", "kafka"},
                       {"brokers", "'" + cluster_.brokers() + "'"},
                       {"topic", "flows"},
                       {"fields", "[ip_src, dst_port]"}};
  YamlMembers rdkafka_{{"linger.ms", "1"}, {"reconnect.backoff.max.ms", "200"}};
  Config config_;
  std::atomic<bool> abandon_{false};
};

TEST_F(KafkaSinkTest, AMessageIsTheJsonOfTheFieldsAndOfWhatNamesTheRecord) {
  FlowRecord record = record_number(0xabc);
  record.sensor_id = "north";
  record.worker = 3;
  record.sequence = 77;
  auto json = nlohmann::json::parse(message_of(record).value);
  EXPECT_THAT(json["boot_id"].get<std::string>(), ::testing::MatchesRegex("[0-9a-f]{16}"));
  json.erase("boot_id");
  EXPECT_EQ(json, nlohmann::json::parse(
                      R"({"ip_src":"10.0.0.1","dst_port":443,"sensor_id":"north","worker":3,"sequence":77})"));
}

TEST_F(KafkaSinkTest, TheKeyIsTheCommunityId) {
  EXPECT_EQ(message_of(record_number(0xabc)).key, "1:ykQ1ME2JeKb+7Ccjc9ugF3NGISE=");
}

TEST_F(KafkaSinkTest, TheKeyCanBeTheFlowId) {
  options_["key"] = "flow";
  EXPECT_EQ(message_of(record_number(0xabc)).key, "0000000000000abc");
}

TEST_F(KafkaSinkTest, TheKeyCanBeNone) {
  options_["key"] = "none";
  EXPECT_EQ(message_of(record_number(0xabc)).key, "");
}

TEST_F(KafkaSinkTest, IsDeliveredOnceTheBrokerHasConfirmed) {
  const auto runner = start(true);
  runner->enqueue(batch_of(0, 500));
  EXPECT_TRUE(eventually([&] {
    EXPECT_TRUE(balances(runner->ledger()));
    return runner->ledger().delivered == 500;
  }));
  runner->finish();
  EXPECT_EQ(runner->ledger().queued, 0U);
  EXPECT_EQ(runner->failure(), nullptr);
  EXPECT_EQ(cluster_.read("flows").size(), 500U);
}

TEST_F(KafkaSinkTest, WhileNoBrokerIsThereRecordsAreQueuedAndThenDelivered) {
  cluster_.stop_broker();
  const auto runner = start(true);
  runner->enqueue(batch_of(0, 500));
  EXPECT_TRUE(eventually([&] { return runner->ledger().waiting == 0; }));
  EXPECT_EQ(runner->ledger().delivered, 0U);
  EXPECT_EQ(runner->ledger().queued, 500U);
  cluster_.start_broker();
  EXPECT_TRUE(eventually([&] { return runner->ledger().delivered == 500; }));
  runner->finish();
  EXPECT_TRUE(balances(runner->ledger()));
}

TEST_F(KafkaSinkTest, WhatCannotBeDeliveredAtTheEndOfARunIsCountedAndSaid) {
  cluster_.stop_broker();
  options_["flush_timeout"] = "200ms";
  const auto runner = start(true);
  runner->enqueue(batch_of(0, 500));
  runner->finish();
  EXPECT_EQ(stopped(runner->ledger()), 500U);
  EXPECT_EQ(runner->ledger().queued, 0U);
  EXPECT_TRUE(balances(runner->ledger()));
  ASSERT_NE(runner->failure(), nullptr);
  try {
    std::rethrow_exception(runner->failure());
  } catch (const RunError& error) {
    EXPECT_THAT(error.what(), ::testing::EndsWith("; 500 records were not delivered"));
  }
}

TEST_F(KafkaSinkTest, AnAbandonedRunDoesNotWaitForTheBrokers) {
  cluster_.stop_broker();
  options_["flush_timeout"] = "1h";
  rdkafka_["queue.buffering.max.messages"] = "10";
  const auto runner = start(true);
  runner->enqueue(batch_of(0, 500));
  abandon_ = true;
  runner->finish();
  EXPECT_EQ(stopped(runner->ledger()), 500U);
  EXPECT_TRUE(balances(runner->ledger()));
}

TEST_F(KafkaSinkTest, ACaptureFileWaitsForTheBrokersButNotForEver) {
  cluster_.stop_broker();
  options_["flush_timeout"] = "300ms";
  rdkafka_["queue.buffering.max.messages"] = "10";
  const auto runner = start(false);
  runner->enqueue(batch_of(0, 500));
  EXPECT_TRUE(eventually([&] { return runner->has_ended(); }));
  runner->finish();
  EXPECT_EQ(stopped(runner->ledger()), 500U);
  EXPECT_TRUE(balances(runner->ledger()));
  EXPECT_NE(runner->failure(), nullptr);
}

TEST_F(KafkaSinkTest, ARecordThatNoBrokerTakesIsWriteFailed) {
  rdkafka_["message.max.bytes"] = "1000";
  FlowRecord large = record_number(1);
  const std::string name(2000, 'x');
  large.sensor_id = name;
  const auto sink = make();
  sink->write(std::vector<FlowRecord>{record_number(0), large, record_number(2)});
  sink->finish();
  EXPECT_EQ(sink->settled()->delivered, 2U);
  EXPECT_EQ(sink->settled()->dropped[static_cast<std::size_t>(DropReason::kWriteFailed)], 1U);
}

TEST_F(KafkaSinkTest, APasswordFileThatIsMissingIsAMistake) {
  options_["sasl"] = "{mechanism: PLAIN, username: spanflow, password_file: /none/password}";
  EXPECT_THROW(make(), ConfigError);
}

}  // namespace
}  // namespace spanflow::testing::kafka_test

// Tests that every message is reported exactly once, and that temporary failures of brokers lose no message.
#include "sinks/kafka_producer.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "base/error.h"
#include "support/eventually.h"
#include "support/mock_cluster.h"

namespace spanflow::testing::kafka_producer_test {
namespace {

using Outcome = KafkaProducer::Outcome;
using std::chrono::milliseconds;
using std::chrono::seconds;

class KafkaProducerTest : public ::testing::Test {
 protected:
  explicit KafkaProducerTest(int brokers = 1) : cluster_(brokers) { cluster_.make_topic("flows"); }

  void make_producer(const KafkaProperties& more = {}) {
    KafkaProperties properties = {{"bootstrap.servers", cluster_.brokers()},
                                  {"enable.idempotence", "true"},
                                  {"message.timeout.ms", "0"},
                                  {"partitioner", "murmur2_random"},
                                  {"reconnect.backoff.max.ms", "200"},
                                  {"linger.ms", "1"},
                                  {"socket.timeout.ms", "5000"}};
    properties.insert(properties.end(), more.begin(), more.end());
    producer_.emplace(
        properties, "flows",
        [this](const KafkaProducer::Message& message, Outcome outcome) {
          const std::lock_guard lock(mutex_);
          ++reports_[message.number][outcome];
        },
        [this](const std::string& trouble) {
          const std::lock_guard lock(mutex_);
          notices_.push_back(trouble);
        });
  }

  void produce(std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t number = first; number < last; ++number) {
      const std::string key = "key " + std::to_string(number % 10);
      while (!producer_->produce({key, std::to_string(number), number})) producer_->wait_for_room(milliseconds{100});
    }
  }

  // Returns the number of messages that have exactly one report, with this outcome.
  std::size_t reported(Outcome outcome) {
    const std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const auto& [number, outcomes] : reports_) {
      count += outcomes == std::map<Outcome, int>{{outcome, 1}} ? 1 : 0;
    }
    return count;
  }

  std::vector<std::string> notices() {
    const std::lock_guard lock(mutex_);
    return notices_;
  }

  // Returns the distinct values of the messages in the topic.
  std::set<std::string> arrived() {
    std::set<std::string> values;
    for (const auto& message : cluster_.read("flows")) values.insert(message.value);
    return values;
  }

  MockCluster cluster_;
  std::mutex mutex_;
  std::map<std::uint64_t, std::map<Outcome, int>> reports_;
  std::vector<std::string> notices_;
  std::optional<KafkaProducer> producer_;
};

TEST_F(KafkaProducerTest, EveryMessageIsReportedOnceAndCanBeRead) {
  make_producer();
  produce(0, 1000);
  EXPECT_TRUE(producer_->flush(seconds{20}));
  EXPECT_EQ(reported(Outcome::kDelivered), 1000U);
  EXPECT_EQ(cluster_.read("flows").size(), 1000U);
  EXPECT_EQ(arrived().size(), 1000U);
  EXPECT_TRUE(notices().empty());
}

TEST_F(KafkaProducerTest, MessagesOfOneKeyGoToOnePartitionInOrder) {
  make_producer();
  produce(0, 500);
  EXPECT_TRUE(producer_->flush(seconds{20}));
  std::map<std::string, std::set<std::int32_t>> partitions;
  std::map<std::string, int> last;
  for (const auto& message : cluster_.read("flows")) {
    partitions[message.key].insert(message.partition);
    EXPECT_GE(std::stoi(message.value), last[message.key]);
    last[message.key] = std::stoi(message.value);
  }
  EXPECT_EQ(partitions.size(), 10U);
  for (const auto& [key, its_partitions] : partitions) EXPECT_EQ(its_partitions.size(), 1U) << key;
}

TEST_F(KafkaProducerTest, WithoutAKeyMessagesAreSpread) {
  make_producer({{"sticky.partitioning.linger.ms", "0"}});
  for (std::uint64_t number = 0; number < 200; ++number) ASSERT_TRUE(producer_->produce({"", "x", number}));
  EXPECT_TRUE(producer_->flush(seconds{20}));
  std::set<std::int32_t> partitions;
  for (const auto& message : cluster_.read("flows")) {
    EXPECT_EQ(message.key, "");
    partitions.insert(message.partition);
  }
  EXPECT_EQ(partitions.size(), 4U);
}

TEST_F(KafkaProducerTest, AMessageThatIsTooLargeIsRefusedAndTheOthersArrive) {
  make_producer({{"message.max.bytes", "1000"}});
  EXPECT_TRUE(producer_->produce({"key", std::string(2000, 'x'), 0}));
  produce(1, 100);
  EXPECT_TRUE(producer_->flush(seconds{20}));
  EXPECT_EQ(reported(Outcome::kRefused), 1U);
  EXPECT_EQ(reported(Outcome::kDelivered), 99U);
  EXPECT_EQ(arrived().size(), 99U);
}

TEST_F(KafkaProducerTest, ABatchThatTheBrokerFindsTooLargeIsRefused) {
  make_producer();
  cluster_.answer_next(MockCluster::kProduce, {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
  ASSERT_TRUE(producer_->produce({"key", "large", 0}));
  EXPECT_TRUE(producer_->flush(seconds{20}));
  EXPECT_EQ(reported(Outcome::kRefused), 1U);
  produce(1, 100);
  EXPECT_TRUE(producer_->flush(seconds{20}));
  EXPECT_EQ(reported(Outcome::kDelivered), 99U);
}

TEST_F(KafkaProducerTest, ErrorsThatPassLoseNothing) {
  make_producer();
  cluster_.answer_next(MockCluster::kProduce,
                       {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
                        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS});
  produce(0, 500);
  EXPECT_TRUE(producer_->flush(seconds{30}));
  EXPECT_EQ(reported(Outcome::kDelivered), 500U);
  EXPECT_EQ(arrived().size(), 500U);
}

class TwoBrokersTest : public KafkaProducerTest {
 protected:
  TwoBrokersTest() : KafkaProducerTest(2) {}
};

TEST_F(TwoBrokersTest, AChangeOfTheLeaderLosesNothingAndSendsNothingTwice) {
  cluster_.change_leader("flows", 1);
  make_producer();
  for (std::uint64_t round = 0; round < 6; ++round) {
    produce(round * 200, round * 200 + 200);
    cluster_.change_leader("flows", 1 + static_cast<std::int32_t>(round + 1) % 2);
  }
  EXPECT_TRUE(producer_->flush(seconds{30}));
  EXPECT_EQ(reported(Outcome::kDelivered), 1200U);
  EXPECT_EQ(arrived().size(), 1200U);
  EXPECT_EQ(cluster_.read("flows").size(), 1200U);
}

TEST_F(KafkaProducerTest, WhatIsForbiddenIsSentAgainAndToldOfOnce) {
  make_producer();
  cluster_.answer_next(MockCluster::kProduce,
                       {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
  produce(0, 500);
  EXPECT_TRUE(producer_->flush(seconds{30}));
  EXPECT_EQ(reported(Outcome::kDelivered), 500U);
  EXPECT_EQ(arrived().size(), 500U);
  EXPECT_THAT(notices(), ::testing::ElementsAre("topic flows: Broker: Topic authorization failed", ""));
}

TEST_F(KafkaProducerTest, AFatalErrorMakesANewProducerThatSendsAgain) {
  make_producer();
  produce(0, 100);
  EXPECT_TRUE(producer_->flush(seconds{20}));
  cluster_.answer_next(MockCluster::kProduce, {RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER});
  produce(100, 500);
  EXPECT_TRUE(producer_->flush(seconds{30}));
  EXPECT_EQ(reported(Outcome::kDelivered), 500U);
  EXPECT_EQ(arrived().size(), 500U);
  ASSERT_EQ(notices().size(), 2U);
  EXPECT_THAT(notices()[0], ::testing::HasSubstr("sequence"));
  EXPECT_EQ(notices()[1], "");
}

TEST_F(KafkaProducerTest, WhatABrokerDoesNotAnswerInTimeIsSentAgain) {
  make_producer({{"socket.timeout.ms", "1000"}});
  produce(0, 100);
  EXPECT_TRUE(producer_->flush(seconds{20}));
  cluster_.delay_answers(60'000);
  produce(100, 200);
  EXPECT_FALSE(producer_->flush(seconds{3}));
  cluster_.delay_answers(0);
  EXPECT_TRUE(producer_->flush(seconds{30}));
  EXPECT_EQ(reported(Outcome::kDelivered), 200U);
  EXPECT_EQ(arrived().size(), 200U);
}

TEST_F(KafkaProducerTest, ThroughAnOutageAFullQueueTakesNoMoreAndNothingIsLost) {
  make_producer({{"queue.buffering.max.messages", "50"}});
  produce(0, 10);
  EXPECT_TRUE(producer_->flush(seconds{20}));
  cluster_.stop_broker();
  std::uint64_t taken = 10;
  while (producer_->produce({"key", std::to_string(taken), taken})) ++taken;
  EXPECT_EQ(taken, 60U);
  EXPECT_FALSE(producer_->flush(milliseconds{50}));
  EXPECT_TRUE(eventually([this] { return !producer_->trouble().text.empty(); }));
  EXPECT_EQ(reported(Outcome::kDelivered), 10U);
  cluster_.start_broker();
  produce(60, 200);
  EXPECT_TRUE(producer_->flush(seconds{30}));
  EXPECT_EQ(reported(Outcome::kDelivered), 200U);
  EXPECT_EQ(arrived().size(), 200U);
  ASSERT_EQ(notices().size(), 2U);
  EXPECT_THAT(notices()[0], ::testing::StartsWith("no broker can be reached"));
  EXPECT_EQ(notices()[1], "");
  EXPECT_EQ(producer_->trouble().text, "");
}

TEST_F(KafkaProducerTest, WhatIsGivenUpIsReportedSo) {
  cluster_.stop_broker();
  make_producer();
  produce(0, 100);
  EXPECT_FALSE(producer_->flush(milliseconds{50}));
  producer_->give_up();
  EXPECT_EQ(reported(Outcome::kGivenUp), 100U);
}

TEST_F(KafkaProducerTest, GoesWithMessagesInFlight) {
  cluster_.stop_broker();
  make_producer();
  produce(0, 100);
  producer_.reset();
  EXPECT_EQ(reported(Outcome::kGivenUp), 100U);
}

TEST_F(KafkaProducerTest, PropertiesThatContradictEachOtherAreRefused) {
  try {
    make_producer({{"acks", "1"}});
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "kafka: `acks` must be set to `all` when `enable.idempotence` is true");
  }
}

TEST(KafkaProperty, IsCheckedByLibrdkafka) {
  EXPECT_EQ(kafka_property_error("linger.ms", "5"), "");
  EXPECT_EQ(kafka_property_error("linger.mss", "5"), "No such configuration property: \"linger.mss\"");
  EXPECT_NE(kafka_property_error("linger.ms", "soon"), "");
  EXPECT_NE(kafka_property_error("delivery.report.only.error", "true"), "");
}

}  // namespace
}  // namespace spanflow::testing::kafka_producer_test

// A Kafka cluster in the test's process. It is the mock cluster of librdkafka, which returns errors on request.
#pragma once

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

namespace spanflow::testing {

// Not thread-safe. The brokers are numbered from 1. A topic has four partitions.
class MockCluster {
 public:
  struct Message {
    std::int32_t partition;
    std::string key;
    std::string value;
  };
  enum Request : std::int16_t { kProduce = 0 };  // API keys of the Kafka protocol

  explicit MockCluster(int brokers = 1)
      : host_(new_handle(RD_KAFKA_PRODUCER, {})), cluster_(rd_kafka_mock_cluster_new(host_.get(), brokers)) {}
  ~MockCluster() { rd_kafka_mock_cluster_destroy(cluster_); }
  MockCluster(const MockCluster&) = delete;
  MockCluster& operator=(const MockCluster&) = delete;

  std::string brokers() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }
  void make_topic(const std::string& topic) { rd_kafka_mock_topic_create(cluster_, topic.c_str(), 4, 1); }
  // Makes another broker the leader of all partitions of the topic.
  void change_leader(const std::string& topic, std::int32_t broker) {
    for (std::int32_t partition = 0; partition < 4; ++partition) {
      rd_kafka_mock_partition_set_leader(cluster_, topic.c_str(), partition, broker);
    }
  }
  void stop_broker() { rd_kafka_mock_broker_set_down(cluster_, 1); }
  void start_broker() { rd_kafka_mock_broker_set_up(cluster_, 1); }
  // Delays all answers by `ms` milliseconds; 0: no delay.
  void delay_answers(int ms) { rd_kafka_mock_broker_set_rtt(cluster_, 1, ms); }
  // The broker answers the next requests of this kind with these errors, in this order.
  void answer_next(Request request, const std::vector<rd_kafka_resp_err_t>& errors) {
    rd_kafka_mock_push_request_errors_array(cluster_, request, errors.size(), errors.data());
  }

  // Returns all messages of the topic. Gives up after 100 waits of 200 ms without a message.
  std::vector<Message> read(const std::string& topic) {
    const auto consumer = new_handle(
        RD_KAFKA_CONSUMER, {{"bootstrap.servers", brokers()}, {"group.id", "test"}, {"enable.partition.eof", "true"}});
    rd_kafka_poll_set_consumer(consumer.get());
    rd_kafka_topic_partition_list_t* const partitions = rd_kafka_topic_partition_list_new(4);
    for (std::int32_t partition = 0; partition < 4; ++partition) {
      rd_kafka_topic_partition_list_add(partitions, topic.c_str(), partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    rd_kafka_assign(consumer.get(), partitions);
    rd_kafka_topic_partition_list_destroy(partitions);
    std::vector<Message> messages;
    for (int ended = 0, waits = 0; ended < 4 && waits < 100;) {
      rd_kafka_message_t* const message = rd_kafka_consumer_poll(consumer.get(), 200);
      if (message == nullptr) {
        ++waits;
        continue;
      }
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        messages.push_back({message->partition, std::string(static_cast<const char*>(message->key), message->key_len),
                            std::string(static_cast<const char*>(message->payload), message->len)});
      }
      if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) ++ended;
      rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(consumer.get());
    return messages;
  }

 private:
  struct Destroy {
    void operator()(rd_kafka_t* handle) const { rd_kafka_destroy(handle); }
  };
  using Handle = std::unique_ptr<rd_kafka_t, Destroy>;

  static Handle new_handle(rd_kafka_type_t type,
                           std::initializer_list<std::pair<const char*, std::string>> properties) {
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    for (const auto& [name, value] : properties) rd_kafka_conf_set(conf, name, value.c_str(), nullptr, 0);
    rd_kafka_conf_set_log_cb(conf, nullptr);
    return Handle(rd_kafka_new(type, conf, nullptr, 0));
  }

  Handle host_;
  rd_kafka_mock_cluster_t* cluster_;
};

}  // namespace spanflow::testing

// The baseline for the kafka sink: a program that only sends the lines of a file with librdkafka. It has the settings
// of the sink and, like the sink, a separate thread for the delivery reports. Prints the time from the first message to
// the last delivery report.
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "guarded.h"

namespace spanflow::bench {
namespace {

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  if (lines.empty()) throw std::runtime_error(path + ": no lines");
  return lines;
}

// Returns the value of a text member of a JSON object; empty if the object has no such member.
std::string_view member(std::string_view json, std::string_view name) {
  const std::string start = fmt::format("\"{}\":\"", name);
  const std::size_t at = json.find(start);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = json.substr(at + start.size());
  return rest.substr(0, rest.find('"'));
}

rd_kafka_t* make_producer(const std::string& brokers, std::uint64_t& failed) {
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  const std::map<std::string, std::string> properties = {{"bootstrap.servers", brokers},
                                                         {"enable.idempotence", "true"},
                                                         {"message.timeout.ms", "0"},
                                                         {"partitioner", "murmur2_random"},
                                                         {"linger.ms", "50"},
                                                         {"compression.codec", "lz4"},
                                                         {"queue.buffering.max.kbytes", "131072"}};
  char error[512];
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error, sizeof(error)) != RD_KAFKA_CONF_OK) {
      throw std::runtime_error(error);
    }
  }
  rd_kafka_conf_set_opaque(conf, &failed);
  rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void* count) {
    *static_cast<std::uint64_t*>(count) += message->err == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : 1;
  });
  rd_kafka_t* const producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
  if (producer == nullptr) throw std::runtime_error(error);
  return producer;
}

void produce(rd_kafka_topic_t* topic, std::string& value) {
  const std::string_view key = member(value, "community_id");
  while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value.data(), value.size(), key.data(),
                          key.size(), nullptr) != 0) {
    if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      throw std::runtime_error(rd_kafka_err2str(rd_kafka_last_error()));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
}

int run(int argc, char** argv) {
  CLI::App app{"Sends the lines of a file to Kafka, to measure the speed of librdkafka alone."};
  std::string brokers;
  std::string topic_name;
  std::string path;
  app.add_option("--brokers", brokers, "HOST:PORT of the brokers")->required();
  app.add_option("--topic", topic_name, "topic to send to")->required();
  app.add_option("file", path, "JSON lines; their community_id is the key")->required();
  CLI11_PARSE(app, argc, argv);

  std::vector<std::string> lines = lines_of(path);
  std::uint64_t failed = 0;
  rd_kafka_t* const producer = make_producer(brokers, failed);
  rd_kafka_topic_t* const topic = rd_kafka_topic_new(producer, topic_name.c_str(), nullptr);
  const auto start = std::chrono::steady_clock::now();
  std::atomic<bool> all_sent{false};
  std::thread confirmations([&] {
    while (!all_sent) rd_kafka_poll(producer, 100);
    while (rd_kafka_outq_len(producer) > 0) rd_kafka_flush(producer, 100);
  });
  for (std::string& line : lines) produce(topic, line);
  all_sent = true;
  confirmations.join();
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  fmt::print("{{\"messages\": {}, \"failed\": {}, \"seconds\": {:.3f}}}\n", lines.size(), failed, time.count());
  rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(producer);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace spanflow::bench

int main(int argc, char** argv) {
  return spanflow::bench::guarded("bench_kafka_producer", spanflow::bench::run, argc, argv);
}

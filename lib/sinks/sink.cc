#include "sinks/sink.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace spanflow {
namespace {

bool set_path(SinkConfig& sink, const std::string& target) {
  sink.path = target;
  return !target.empty();
}

std::string path(const SinkConfig& sink) { return sink.path; }

bool set_topic(SinkConfig& sink, const std::string& target) {
  const auto slash = target.find('/');
  if (slash == std::string::npos) return false;
  sink.kafka.brokers = target.substr(0, slash);
  sink.kafka.topic = target.substr(slash + 1);
  return !sink.kafka.brokers.empty() && !sink.kafka.topic.empty();
}

std::string topic(const SinkConfig& sink) { return sink.kafka.brokers + "/" + sink.kafka.topic; }

constexpr std::array kSinkTypes = {
    SinkType{"jsonl", "one JSON object per line", "PATH", set_path, path, make_jsonl_sink},
    SinkType{"csv", "comma-separated values with a header line, RFC 4180", "PATH", set_path, path, make_csv_sink},
    SinkType{"ipfix", "messages to a collector, RFC 7011", "udp://HOST:PORT", set_path, path, make_ipfix_sink},
    SinkType{"kafka", "a topic of Apache Kafka", "BROKER:PORT/TOPIC", set_topic, topic, make_kafka_sink},
};

}  // namespace

std::span<const SinkType> sink_types() { return kSinkTypes; }

const SinkType* find_sink_type(std::string_view name) {
  const auto* const found = std::ranges::find(kSinkTypes, name, &SinkType::name);
  return found == kSinkTypes.end() ? nullptr : found;
}

std::unique_ptr<Sink> make_sink(const SinkConfig& config, const SinkContext& context) {
  const SinkType* const type = find_sink_type(config.type);
  if (type == nullptr) throw ConfigError(config.type + ": no such sink");
  return type->make(config, context);
}

std::string sink_target(const SinkConfig& config) {
  const SinkType* const type = find_sink_type(config.type);
  return type == nullptr ? "" : type->target(config);
}

std::string sink_name(const SinkConfig& config) { return config.type + ":" + sink_target(config); }

}  // namespace spanflow

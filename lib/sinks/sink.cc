#include "sinks/sink.h"

#include <array>

#include "base/error.h"

namespace spanflow {
namespace {

constexpr std::array kSinkTypes = {
    SinkType{"jsonl", "one JSON object per line", make_jsonl_sink},
    SinkType{"csv", "comma-separated values with a header line, RFC 4180", make_csv_sink},
    SinkType{"ipfix", "messages to a collector, RFC 7011: path is udp://HOST:PORT or tcp://HOST:PORT", make_ipfix_sink},
};

}  // namespace

std::span<const SinkType> sink_types() { return kSinkTypes; }

std::unique_ptr<Sink> make_sink(const SinkConfig& config, const SinkContext& context) {
  for (const SinkType& type : kSinkTypes) {
    if (type.name == config.type) return type.make(config, context);
  }
  throw ConfigError(config.type + ": no such sink");
}

std::string sink_name(const SinkConfig& config) { return config.type + ":" + config.path; }

}  // namespace spanflow

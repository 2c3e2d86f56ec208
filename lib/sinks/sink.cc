#include "sinks/sink.h"

#include <algorithm>

#include "base/error.h"

// One line for each type of sink: the name of the function that describes the type. The type's own .cc file defines
// this function.
#define FOR_EACH_SINK(DO) \
  DO(jsonl_sink)          \
  DO(csv_sink)            \
  DO(ipfix_sink)          \
  DO(kafka_sink)

namespace spanflow {

#define DECLARE(FUNCTION) SinkType FUNCTION();
FOR_EACH_SINK(DECLARE)
#undef DECLARE

std::span<const SinkType> sink_types() {
#define CALL(FUNCTION) FUNCTION(),
  static const std::vector<SinkType> types = {FOR_EACH_SINK(CALL)};
#undef CALL
  return types;
}

const SinkType* find_sink_type(std::string_view name) {
  const auto types = sink_types();
  const auto found = std::ranges::find(types, name, &SinkType::name);
  return found == types.end() ? nullptr : &*found;
}

const SinkType& sink_type(const SinkConfig& config) {
  const SinkType* const type = find_sink_type(config.type);
  if (type == nullptr) throw ConfigError(config.type + ": no such sink");
  if (!type->absence.empty()) throw ConfigError(std::string(type->absence));
  return *type;
}

std::unique_ptr<Sink> make_sink(const SinkConfig& config, const SinkContext& context) {
  return sink_type(config).make(config, context);
}

SinkPlaces places_of(const SinkConfig& config) { return sink_type(config).places(config.settings); }

bool exclude_each_other(const SinkConfig& a, const SinkConfig& b) {
  const SinkPlaces one = places_of(a);
  const SinkPlaces other = places_of(b);
  return one.target == other.target || (!one.spool.empty() && one.spool == other.spool);
}

std::string sink_name(const SinkConfig& config) { return config.type + ":" + places_of(config).target; }

}  // namespace spanflow

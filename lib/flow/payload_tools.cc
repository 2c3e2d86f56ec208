#include "flow/payload_tools.h"

#include <algorithm>

namespace spanflow {

std::uint32_t share_of_capacity(const Config& config) {
  return static_cast<std::uint32_t>(
      std::max<std::uint64_t>(1, (config.flow.capacity + config.workers - 1) / config.workers));
}

PayloadTools::PayloadTools(const Config& config, NameCache* names, Counters& counters) {
  if (config.keeps_metadata()) {
    metadata_.emplace(config.features.names_memory / config.workers, share_of_capacity(config), counters);
  }
  if (config.reads_names()) inspector_.emplace(config.inspect, *metadata_, names, counters);
  if (!config.uses_ndpi()) return;
  Classifier::MetadataTarget target;
  if (config.dpi.metadata) target.store = metadata();
  if (config.reads_names()) target.left_out = Inspector::keys_of(config.inspect);
  classifier_.emplace(config.dpi, config.workers, target, counters);
}

}  // namespace spanflow

// What looks into the payload of a worker's flows.
#pragma once

#include <cstdint>
#include <optional>

#include "config/config.h"
#include "dpi/classifier.h"
#include "inspect/inspector.h"
#include "inspect/metadata.h"
#include "inspect/name_cache.h"
#include "telemetry/counters.h"

namespace spanflow {

// Returns how many flows the table of each worker has room for.
std::uint32_t share_of_capacity(const Config& config);

// One object per worker; not thread-safe. Owns those tools that the configuration switches on. A pointer to a tool that
// is switched off is nullptr.
class PayloadTools {
 public:
  // `config`, `names` and `counters` must outlive the object. `names` is nullptr if the run has no cache of names.
  PayloadTools(const Config& config, NameCache* names, Counters& counters);

  MetadataStore* metadata() { return metadata_ ? &*metadata_ : nullptr; }
  Inspector* inspector() { return inspector_ ? &*inspector_ : nullptr; }
  Classifier* classifier() { return classifier_ ? &*classifier_ : nullptr; }

 private:
  std::optional<MetadataStore> metadata_;
  std::optional<Inspector> inspector_;
  std::optional<Classifier> classifier_;
};

}  // namespace spanflow

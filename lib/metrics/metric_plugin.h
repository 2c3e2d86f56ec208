// A metric from a shared object. No other code loads shared objects.
#pragma once

#include <memory>
#include <string>

#include "spanflow/metric.h"

namespace spanflow {

// Keeps the shared object loaded. Any thread may use the interface; only one thread may use a given state.
class MetricPlugin {
 public:
  // Throws ConfigError if the shared object does not exist, has no metric of this name, or was built for another
  // version.
  MetricPlugin(const std::string& path, const std::string& name);

  const MetricInterface& interface() const { return *interface_; }

 private:
  struct Unload {
    void operator()(void* library) const;
  };
  std::unique_ptr<void, Unload> library_;
  const MetricInterface* interface_ = nullptr;
};

}  // namespace spanflow

// A metric from a shared object: the only place that loads shared objects.
#pragma once

#include <memory>
#include <string>

#include "spanflow/metric.h"

namespace spanflow {

// Keeps the shared object loaded. Any thread may use the interface; each state belongs to one thread.
class MetricPlugin {
 public:
  // Throws ConfigError if there is no such object, it has no metric of this name, or it was built for another spanflow.
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

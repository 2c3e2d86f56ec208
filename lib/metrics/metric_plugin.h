// A metric from a shared object. No other class loads shared objects.
#pragma once

#include <memory>
#include <string>

#include "spanflow/metric.h"

namespace spanflow {

// The shared object stays loaded while this object exists. Any thread may call the interface, but only one thread may
// use a given state.
class MetricPlugin {
 public:
  // Throws ConfigError if the shared object cannot be loaded, has no metric of this name, was built for another
  // version, lacks a function, or needs more than 1 MiB for a state or a greater alignment than 4096 octets.
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

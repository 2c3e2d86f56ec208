#include "metrics/metric_plugin.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <bit>

#include "base/error.h"

namespace spanflow {
namespace {

// The memory for the states is aligned to a page of 4096 octets, so a state cannot have a greater alignment.
constexpr std::uint32_t kGreatestAlignment = 4096;
// Every place of the flow table has memory for a state.
constexpr std::uint32_t kGreatestState = 1U << 20;

// Makes a path of a bare file name, because dlopen() searches for a name without a slash in the system's library
// folders.
std::string as_file(const std::string& path) { return path.find('/') == std::string::npos ? "./" + path : path; }

void check(const MetricInterface& found, const std::string& name) {
  const MetricInterface ours;
  if (found.abi != ours.abi || found.packet_size != ours.packet_size || found.flow_size != ours.flow_size) {
    throw ConfigError(
        fmt::format("{} was built for another version (interface {}, packet {}, flow {} octets; this spanflow has {}, "
                    "{} and {}): build it again with this spanflow's headers",
                    name, found.abi, found.packet_size, found.flow_size, ours.abi, ours.packet_size, ours.flow_size));
  }
  if (!std::has_single_bit(found.state_alignment) || found.state_alignment > kGreatestAlignment) {
    throw ConfigError(fmt::format("{} needs a state that is aligned to {} octets; expected a power of two up to {}",
                                  name, found.state_alignment, kGreatestAlignment));
  }
  if (found.state_size > kGreatestState) {
    throw ConfigError(fmt::format("{} needs a state of {} octets for each flow; the limit is {}", name,
                                  found.state_size, kGreatestState));
  }
  if (found.on_init == nullptr || found.on_packet == nullptr || found.on_expire == nullptr ||
      found.destroy == nullptr) {
    throw ConfigError(fmt::format("{} lacks one of the functions on_init, on_packet, on_expire and destroy", name));
  }
}

}  // namespace

void MetricPlugin::Unload::operator()(void* library) const { dlclose(library); }

MetricPlugin::MetricPlugin(const std::string& path, const std::string& name)
    : library_(dlopen(as_file(path).c_str(), RTLD_NOW | RTLD_LOCAL)) {
  if (library_ == nullptr) throw ConfigError(fmt::format("cannot be loaded: {}", dlerror()));
  interface_ = static_cast<const MetricInterface*>(dlsym(library_.get(), ("spanflow_metric_" + name).c_str()));
  if (interface_ == nullptr) {
    throw ConfigError(fmt::format("{} has no SPANFLOW_METRIC({}, ...)", path, name));
  }
  check(*interface_, name);
}

}  // namespace spanflow

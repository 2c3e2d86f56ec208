// The types of input: capture files, a kernel interface, DPDK devices.
//
// To add a type of input:
// - Write a .cc file in lib/capture, with a PacketSource and an Input that makes the source.
// - Add a line for this file to lib/meson.build, and a row to capture/input.cc.
// - For the option of the new type, add a member to Config::Input and a row to options/options.cc.
// - If the type has a command-line option (like -r, -i, -d), add this option to daemon/command_line.cc.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "capture/backoff.h"
#include "capture/owner_workers.h"
#include "capture/packet_source.h"
#include "capture/port_counts.h"
#include "config/config.h"
#include "telemetry/counters.h"
#include "telemetry/notes.h"

namespace spanflow {

// An opened input. Any thread may call port_counts() and counters(). Only the main thread calls the other functions.
class Input {
 public:
  virtual ~Input() = default;
  // Makes one source for each worker, or one source for all workers. The sources must be destroyed before the input.
  virtual std::vector<std::unique_ptr<PacketSource>> make_sources() = 0;

  // Returns the rule by which workers own packets, if a worker may poll packets that another worker owns; otherwise
  // std::nullopt. If there is a rule, the sources must not wait in poll(). The thread that polls a source then waits as
  // idle() says.
  virtual std::optional<OwnerWorkers> owner_workers() const { return std::nullopt; }
  virtual Backoff::Steps idle() const { return {}; }

  // Logs a warning if this CPU of a worker is on another NUMA node than a port.
  virtual void warn_if_distant(int /*cpu*/) const {}
  // Updates port_counts() and the clocks of the ports. The main thread must call this at least once a second. Throws
  // RunError if the input is gone and no more packets can come.
  virtual void update() {}
  virtual std::vector<PortCounts> port_counts() const { return {}; }
  // The counters that belong to the whole input. Thread-safe.
  const Counters& counters() const { return counters_; }

 protected:
  Counters counters_;
};

struct InputType {
  std::string_view option;  // the option that selects this type
  std::string_view usage;   // names this type in the error message for a missing input
  bool is_live;
  bool (*is_configured)(const Config::Input& options);
  // If `source` names an input of this type, sets the option to `source` and returns true.
  bool (*configure)(const std::string& source, Config::Input& options);
  // Throws RunError if the input cannot be opened. The input ends once `stop` is set. `stop` and `notes` must outlive
  // the input.
  std::unique_ptr<Input> (*open)(const Config& config, const std::atomic<bool>& stop, Notes& notes);
};

std::span<const InputType> input_types();
// Returns the configured type. Throws ConfigError if no type or more than one type is configured.
const InputType& input_type(const Config::Input& options);
// True if the configured input is live, or if no input is configured. False for capture files.
bool is_live(const Config::Input& options);

}  // namespace spanflow

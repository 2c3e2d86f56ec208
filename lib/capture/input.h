// The types of input: capture files, a kernel interface, DPDK devices.
//
// A new input touches: its .cc in lib/capture (a PacketSource, and an Input that makes the source) and the file's line
// in lib/meson.build; a row in capture/input.cc; for its option a member of Config::Input and a row in
// options/options.cc. Only a command-line option (like -r, -i, -d) also needs daemon/command_line.cc.
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
#include "telemetry/notes.h"

namespace spanflow {

// An opened input. The main thread makes all calls, except for port_counts(), which is thread-safe.
class Input {
 public:
  virtual ~Input() = default;
  // Makes one source for each worker, or one source for all workers. The sources must be destroyed before the input.
  virtual std::vector<std::unique_ptr<PacketSource>> make_sources() = 0;

  // Says which workers own the packets of several sources; nothing if the worker that polls a packet always owns that
  // packet. A source of an input with owner workers must not wait in poll(): the thread that polls the source waits as
  // idle() says.
  virtual std::optional<OwnerWorkers> owner_workers() const { return std::nullopt; }
  virtual Backoff::Steps idle() const { return {}; }

  // Warns if this CPU, on which a worker runs, is on another NUMA node than a port.
  virtual void warn_if_distant(int /*cpu*/) const {}
  // Updates port_counts() and the clocks of the ports. Must be called at least once a second.
  virtual void update() {}
  virtual std::vector<PortCounts> port_counts() const { return {}; }
};

struct InputType {
  std::string_view option;  // the option that selects this type
  std::string_view usage;   // text for the message that no input is configured
  bool is_live;
  bool (*is_configured)(const Config::Input& options);
  // If `source` names an input of this type, sets the option to `source` and returns true.
  bool (*configure)(const std::string& source, Config::Input& options);
  // Throws RunError. The input ends once `stop` is set; `stop` and `notes` must outlive it.
  std::unique_ptr<Input> (*open)(const Config& config, const std::atomic<bool>& stop, Notes& notes);
};

std::span<const InputType> input_types();
// Returns the configured type. Throws ConfigError unless exactly one type is configured.
const InputType& input_type(const Config::Input& options);
// False only if the configured input is not live; true if no input is configured.
bool is_live(const Config::Input& options);

}  // namespace spanflow

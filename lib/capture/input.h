// The inputs that a run can have: capture files, a kernel interface, DPDK devices.
//
// A new input touches: its .cc in lib/capture (a PacketSource, and an Input that makes it) and its line in
// lib/meson.build; a row in capture/input.cc; its option: a member of Config::Input and a row in options/options.cc.
// Only an option of the command line (-r, -i, -d) needs more: daemon/command_line.cc.
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

// An opened input. All calls by the main thread, except for port_counts(), which is thread-safe.
class Input {
 public:
  virtual ~Input() = default;
  // One source for each worker, or one for all of them. They must be destroyed before the input.
  virtual std::vector<std::unique_ptr<PacketSource>> make_sources() = 0;

  // The owners of the packets of several sources; nothing if the worker that polls a packet always owns it. A source
  // of an input with owner workers must not wait in poll(): the thread that polls it waits, as idle() says.
  virtual std::optional<OwnerWorkers> owner_workers() const { return std::nullopt; }
  virtual Backoff::Steps idle() const { return {}; }

  // Warns if a worker on this CPU is far from a port.
  virtual void warn_if_distant(int /*cpu*/) const {}
  // Updates port_counts() and the clocks of ports. Must be called at least every second.
  virtual void update() {}
  virtual std::vector<PortCounts> port_counts() const { return {}; }
};

struct InputType {
  std::string_view option;  // that selects it
  std::string_view usage;   // for the message that no input is configured
  bool is_live;
  bool (*is_configured)(const Config::Input& options);
  // Sets the option to `source` and returns true if that names an input of this type.
  bool (*configure)(const std::string& source, Config::Input& options);
  // Throws RunError. The input ends once `stop` is set; `stop` and `notes` must outlive it.
  std::unique_ptr<Input> (*open)(const Config& config, const std::atomic<bool>& stop, Notes& notes);
};

std::span<const InputType> input_types();
// The type that is configured. Throws ConfigError unless it is exactly one.
const InputType& input_type(const Config::Input& options);
// False only if an input is configured that is not live.
bool is_live(const Config::Input& options);

}  // namespace spanflow

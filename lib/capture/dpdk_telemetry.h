// Spanflow's commands on DPDK's telemetry socket, for dpdk-telemetry.py and other clients.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace spanflow {

using TelemetryList = std::vector<std::string>;
using TelemetryNumbers = std::vector<std::pair<std::string, std::uint64_t>>;
using TelemetryAnswer = std::variant<TelemetryList, TelemetryNumbers>;

struct TelemetryCommand {
  std::string name;  // as in "/spanflow/summary"
  std::string help;
  // `parameters` is the text after the comma that follows the name; it may be empty. The result is std::nullopt if the
  // parameters are invalid.
  std::function<std::optional<TelemetryAnswer>(const std::string& parameters)> answer;
};

// Answers the commands, on DPDK's thread, as long as this object lives. EAL must be initialised. Only one such object
// may exist at a time.
class DpdkTelemetry {
 public:
  explicit DpdkTelemetry(std::vector<TelemetryCommand> commands);
  ~DpdkTelemetry();
  DpdkTelemetry(const DpdkTelemetry&) = delete;
  DpdkTelemetry& operator=(const DpdkTelemetry&) = delete;
};

}  // namespace spanflow

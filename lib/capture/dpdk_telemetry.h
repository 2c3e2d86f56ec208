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
  std::string name;  // for example "/spanflow/summary"
  std::string help;
  // `parameters` is the text after the comma that follows the command's name. The text may be empty. The result is
  // std::nullopt if `parameters` is invalid.
  std::function<std::optional<TelemetryAnswer>(const std::string& parameters)> answer;
};

// Answers the commands as long as this object exists. A thread of DPDK calls TelemetryCommand::answer. EAL must be
// initialised before. At most one DpdkTelemetry may exist at a time.
class DpdkTelemetry {
 public:
  explicit DpdkTelemetry(std::vector<TelemetryCommand> commands);
  ~DpdkTelemetry();
  DpdkTelemetry(const DpdkTelemetry&) = delete;
  DpdkTelemetry& operator=(const DpdkTelemetry&) = delete;
};

}  // namespace spanflow

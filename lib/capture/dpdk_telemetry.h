// Commands of our own on DPDK's telemetry socket, for dpdk-telemetry.py and whatever else reads it.
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
  std::string name;  // "/spanflow/summary"
  std::string help;
  // `parameters`: what stands behind the comma after the name, or nothing. No answer: there is no such thing.
  std::function<std::optional<TelemetryAnswer>(const std::string& parameters)> answer;
};

// They are answered, on DPDK's thread, as long as this object lives. EAL must be there; one such object at a time.
class DpdkTelemetry {
 public:
  explicit DpdkTelemetry(std::vector<TelemetryCommand> commands);
  ~DpdkTelemetry();
  DpdkTelemetry(const DpdkTelemetry&) = delete;
  DpdkTelemetry& operator=(const DpdkTelemetry&) = delete;
};

}  // namespace spanflow

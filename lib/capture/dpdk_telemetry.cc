#include "capture/dpdk_telemetry.h"

#include <rte_telemetry.h>

#include <algorithm>
#include <cerrno>
#include <mutex>

#include "capture/dpdk_api.h"

namespace spanflow {
namespace {

// DPDK passes no context to a callback, so answer() looks the command up here by its name. DPDK cannot unregister a
// command, so answer() may also be called for a command that is no longer here.
std::mutex commands_mutex;
std::vector<TelemetryCommand> current_commands;

// Returns `name` as a key of a DPDK dictionary. DPDK accepts only letters, digits, _ and / in a key.
std::string key_of(std::string name) {
  std::ranges::replace(name, '.', '_');
  return name;
}

void put(const TelemetryList& list, rte_tel_data* data) {
  rte_tel_data_start_array(data, RTE_TEL_STRING_VAL);
  for (const std::string& item : list) rte_tel_data_add_array_string(data, item.c_str());
}

void put(const TelemetryNumbers& numbers, rte_tel_data* data) {
  rte_tel_data_start_dict(data);
  for (const auto& [name, value] : numbers) dpdk::add_to_dict(data, key_of(name).c_str(), value);
}

int answer(const char* name, const char* parameters, rte_tel_data* data) {
  const std::lock_guard lock(commands_mutex);
  const auto command = std::ranges::find(current_commands, name, &TelemetryCommand::name);
  if (command == current_commands.end()) return -ENOENT;
  const auto answered = command->answer(parameters == nullptr ? "" : parameters);
  if (!answered) return -EINVAL;
  std::visit([data](const auto& content) { put(content, data); }, *answered);
  return 0;
}

}  // namespace

DpdkTelemetry::DpdkTelemetry(std::vector<TelemetryCommand> commands) {
  const std::lock_guard lock(commands_mutex);
  current_commands = std::move(commands);
  // DPDK keeps the commands of an earlier DpdkTelemetry. Registering a command again is harmless, because all commands
  // have the same callback.
  for (const TelemetryCommand& command : current_commands) {
    rte_telemetry_register_cmd(command.name.c_str(), answer, command.help.c_str());
  }
}

DpdkTelemetry::~DpdkTelemetry() {
  const std::lock_guard lock(commands_mutex);
  current_commands.clear();
}

}  // namespace spanflow

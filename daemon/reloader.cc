#include "reloader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <system_error>

#include "base/error.h"
#include "base/thread.h"
#include "command_line.h"
#include "options/loader.h"
#include "service_manager.h"
#include "telemetry/log.h"

namespace spanflow {

Changes Reloader::reload() {
  const std::lock_guard lock(mutex_);
  service_manager::notify_reloading();
  try {
    const Config wanted = parse_command_line(argc_, argv_).config;
    Changes changes = pipeline_.reload(wanted);
    set_log_level(wanted.log.level);
    for (const std::string& warning : warnings(wanted)) log().warn("{}", warning);
    if (!changes.need_restart.empty()) log().warn("reload: {} need a restart", fmt::join(changes.need_restart, ", "));
    log().info("reload: {}",
               changes.made.empty() ? "nothing to change" : fmt::format("changed {}", fmt::join(changes.made, ", ")));
    service_manager::notify_ready();
    return changes;
  } catch (const std::exception& error) {
    log().error("reload: {}; nothing has changed", error.what());
    service_manager::notify_ready();
    throw;
  }
}

void Reloader::reload_in_background() {
  // The lambda takes over the previous future and waits for the previous reload. If this function destroyed the future
  // instead, the destructor would block the caller until the previous reload has ended.
  try {
    background_ = std::async(std::launch::async, [this, before = std::move(background_)]() mutable {
      if (before.valid()) before.wait();
      try {
        reload();
      } catch (const std::exception&) {
        // reload() has already logged the error
      }
    });
  } catch (const std::system_error& error) {
    log().error("reload: {}; nothing has changed", thread_refusal("reload", error));
  }
}

std::string to_text(const Changes& changes) {
  std::string text;
  if (!changes.made.empty()) text += fmt::format("changed: {}\n", fmt::join(changes.made, ", "));
  if (!changes.need_restart.empty()) text += fmt::format("need a restart: {}\n", fmt::join(changes.need_restart, ", "));
  return text.empty() ? "nothing to change\n" : text;
}

}  // namespace spanflow

// Reloads the configuration on SIGHUP and on the command "reload" of the control socket. A reload parses the command
// line and the configuration file again.
#pragma once

#include <future>
#include <string>

#include "options/reload.h"
#include "pipeline/pipeline.h"

namespace spanflow {

// The arguments and `pipeline` must outlive the Reloader.
class Reloader {
 public:
  Reloader(int argc, char** argv, Pipeline& pipeline) : argc_(argc), argv_(argv), pipeline_(pipeline) {}

  // Waits until a running reload has ended, then reloads and logs the result. If it throws ConfigError or RunError,
  // nothing has changed. Thread-safe.
  Changes reload();
  // Starts a thread that calls reload() once the previous background reload has ended. Logs errors and does not throw
  // them. Only one thread may call this function.
  void reload_in_background();

 private:
  const int argc_;
  char** const argv_;
  Pipeline& pipeline_;
  std::mutex mutex_;
  std::future<void> background_;
};

// Returns lines such as "changed: sinks, log.level" and "need a restart: workers", or "nothing to change".
std::string to_text(const Changes& changes);

}  // namespace spanflow

// Reloads the configuration, for SIGHUP and for the control socket: parses the command line and its configuration file
// again.
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

  // Waits for a running reload, then reloads and logs the result. Throws ConfigError or RunError; then nothing has
  // changed. Thread-safe.
  Changes reload();
  // Reloads in a thread of its own, after the previous reload. Errors are only logged. Only one thread may call it.
  void reload_in_background();

 private:
  const int argc_;
  char** const argv_;
  Pipeline& pipeline_;
  std::mutex mutex_;
  std::future<void> background_;
};

// Lines such as "changed: sinks, log.level" and "need a restart: workers", or "nothing to change".
std::string to_text(const Changes& changes);

}  // namespace spanflow

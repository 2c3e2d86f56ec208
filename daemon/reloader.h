// A reload, asked for by SIGHUP or over the control socket: the command line is read again, and with it the file.
#pragma once

#include <future>
#include <string>

#include "options/reload.h"
#include "pipeline/pipeline.h"

namespace spanflow {

// `pipeline` must outlive it.
class Reloader {
 public:
  Reloader(int argc, char** argv, Pipeline& pipeline) : argc_(argc), argv_(argv), pipeline_(pipeline) {}

  // Waits for one that is under way. Logs what comes of it. Throws ConfigError or RunError; then nothing has changed.
  // Thread-safe.
  Changes reload();
  // The same on a thread of its own, once the one before is done. What goes wrong is in the log. One thread.
  void reload_in_background();

 private:
  const int argc_;
  char** const argv_;
  Pipeline& pipeline_;
  std::mutex mutex_;
  std::future<void> background_;
};

// "changed: sinks, log.level", "need a restart: workers", or that there is nothing new; a line each.
std::string to_text(const Changes& changes);

}  // namespace spanflow

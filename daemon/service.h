// A run of the daemon, from the start to the exit code.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

#include "base/standby_thread.h"
#include "command_line.h"
#include "control_socket.h"
#include "crash_reporter.h"
#include "monitor/live_telemetry.h"
#include "pipeline/pipeline.h"
#include "rates.h"
#include "reloader.h"
#include "service_manager.h"
#include "signals.h"
#include "summary_file.h"
#include "telemetry/log.h"

namespace spanflow {

class Service {
 public:
  // Throws ConfigError or RunError if the run cannot start. The arguments must outlive the Service, because a reload
  // parses them again.
  Service(int argc, char** argv, CommandLine line);

  // Runs until the end of the input or a stop request. Logs failures. Returns the exit code: 0, or 1 if an input or a
  // sink failed.
  int run();

 private:
  void watch();
  void handle_signals();
  void notify_service_manager();
  void name_stuck_thread(const std::vector<std::uint64_t>& polls);
  void measure();
  void finish();
  void stop();
  int report() const;

  std::vector<ControlCommand> control_commands();
  nlohmann::json status(const nlohmann::json& request) const;

  const CommandLine line_;
  const SummaryFile summary_file_;
  Signals signals_;
  std::optional<LogThread> log_thread_{std::in_place};
  Pipeline pipeline_;
  std::optional<CrashReporter> crash_reporter_;
  Reloader reloader_;
  Heartbeat heartbeat_;
  bool stopping_ = false;
  std::exception_ptr failure_;
  // Made at the start, because at the end there may be no memory for a thread.
  StandbyThread finisher_{"finish", [this] { pipeline_.finish(); }};

  mutable std::mutex mutex_;  // guards measured_ and rates_
  Summary measured_;
  Rates rates_;
  std::chrono::steady_clock::time_point measured_at_;

  std::optional<LiveTelemetry> telemetry_;
  std::unique_ptr<ControlSocket> control_;  // last, so destroyed first: its thread uses the other members
};

}  // namespace spanflow

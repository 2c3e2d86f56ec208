#include "service.h"

#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "base/error.h"
#include "capture/input.h"
#include "crash_report.h"
#include "memory_reserve.h"
#include "options/loader.h"
#include "progress_bar.h"
#include "telemetry/log.h"
#include "version.h"

namespace spanflow {
namespace {

using Json = nlohmann::json;

constexpr std::chrono::milliseconds kPollInterval{100};

Json to_json(const Rates& rates) {
  return {{"packets", rates.packets},
          {"octets", rates.octets},
          {"flows", rates.flows},
          {"records", rates.records},
          {"lost_packets", rates.lost_packets}};
}

Json to_json(const Changes& changes) {
  return {{"changed", changes.made}, {"need_restart", changes.need_restart}, {"text", to_text(changes)}};
}

Json change_log_level(const Json& request) {
  const auto level = request.at("level").get<std::string>();
  Config checked;  // apply_setting() throws ConfigError if the level is unknown
  apply_setting("log.level=" + level, checked);
  set_log_level(level);
  return {{"level", level}, {"text", "log level " + level + "\n"}};
}

}  // namespace

Service::Service(int argc, char** argv, CommandLine line)
    : line_(std::move(line)),
      summary_file_(line_.summary_file),
      signals_(line_.has_config_file),
      pipeline_(line_.config),
      reloader_(argc, argv, pipeline_) {
  if (const std::string folder = crash_folder(line_.config); !folder.empty()) {
    crash_reporter_.emplace(folder, pipeline_.counters());
  }
  const std::string path = service_manager::path_of(line_.config.control.socket, "RUNTIME_DIRECTORY", "control.sock");
  if (!path.empty()) {
    control_ = std::make_unique<ControlSocket>(path, control_commands());
  }
}

int Service::run() {
  pipeline_.start();
  if (pipeline_.is_live()) telemetry_.emplace(line_.config.telemetry, [this] { return pipeline_.summary(); });
  try {
    watch();
  } catch (...) {
    failure_ = std::current_exception();  // the ledgers are printed nevertheless
    stop();
  }
  finish();
  log_thread_.reset();  // the destructor writes all queued log lines, so they come before the summary
  return report();
}

void Service::watch() {
  ProgressBar progress(!line_.quiet && !is_live(line_.config.input));
  while (!pipeline_.wait(kPollInterval)) {
    if (memory_ran_out()) stop();
    handle_signals();
    notify_service_manager();
    progress.draw(pipeline_);
  }
}

void Service::handle_signals() {
  if (signals_.stop_requested()) stop();
  if (signals_.take_rotation()) pipeline_.rotate_files();
  if (signals_.take_reload()) reloader_.reload_in_background();
}

void Service::notify_service_manager() {
  const std::vector<std::uint64_t> polls = pipeline_.polls();
  heartbeat_.poll(polls, pipeline_.is_live());
  if (pipeline_.is_live()) name_stuck_thread(polls);
  measure();
}

// The last words before the service manager ends a run that hangs.
void Service::name_stuck_thread(const std::vector<std::uint64_t>& polls) {
  const auto thread = heartbeat_.stuck_thread(polls);
  if (!thread) return;
  const std::string_view metric = pipeline_.running_metric(*thread);
  log().error("worker {} hangs{}; the watchdog of the service manager will end this run", *thread,
              metric.empty() ? "" : fmt::format(" in the user metric {}", metric));
}

// Updates the rates once per second.
void Service::measure() {
  const auto now = std::chrono::steady_clock::now();
  if (now - measured_at_ < std::chrono::seconds{1}) return;
  measured_at_ = now;
  Summary summary = pipeline_.summary();
  const std::lock_guard lock(mutex_);
  rates_ = rates_between(measured_, summary);
  measured_ = std::move(summary);
  if (!stopping_) service_manager::notify_status(to_text(rates_));
}

// A slow sink may need a long time for its last records. Meanwhile this thread handles stop signals and feeds the
// watchdog.
void Service::finish() {
  if (!stopping_) service_manager::notify_stopping();
  finisher_.begin();
  while (!finisher_.wait_for(kPollInterval)) {
    if (signals_.stop_requested()) stop();
    heartbeat_.feed();
  }
}

void Service::stop() {
  if (!stopping_) service_manager::notify_stopping();
  stopping_ = true;
  pipeline_.request_stop();
}

int Service::report() const {
  const Summary summary = pipeline_.summary();
  if (!line_.quiet) std::cerr << to_text(summary);
  std::vector<std::exception_ptr> failures = pipeline_.failures();
  if (failure_ != nullptr) failures.push_back(failure_);
  if (memory_ran_out()) {
    failures.push_back(std::make_exception_ptr(RunError("no memory was left, so the run has ended")));
  }
  try {
    summary_file_.write(to_json(summary));
  } catch (const RunError&) {
    failures.push_back(std::current_exception());
  }
  for (const std::exception_ptr& failure : failures) log_failure(failure);
  return failures.empty() ? 0 : 1;
}

std::vector<ControlCommand> Service::control_commands() {
  return {{"status", false, [this](const Json& request) { return status(request); }},
          {"reload", true, [this](const Json&) { return to_json(reloader_.reload()); }},
          {"log-level", true, change_log_level}};
}

Json Service::status(const Json& request) const {
  const Summary summary = pipeline_.summary();
  const std::lock_guard lock(mutex_);
  const auto colours = request.value("colours", false) ? Colours::kAnsi : Colours::kNone;
  const std::string head = fmt::format("spanflowd {}{}{}, process {}\n", kVersion,
                                       line_.config.sensor_id.empty() ? "" : " ", line_.config.sensor_id, ::getpid());
  return {{"version", kVersion},
          {"sensor_id", line_.config.sensor_id},
          {"pid", ::getpid()},
          {"rates", to_json(rates_)},
          {"summary", Json::parse(spanflow::to_json(summary))},
          {"text", head + "  now      " + to_text(rates_) + "\n" + to_text(summary, colours)}};
}

}  // namespace spanflow

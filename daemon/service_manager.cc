#include "service_manager.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

namespace spanflow {

namespace service_manager {

std::string path_of(const std::string& option, const char* folder_variable, const std::string& name) {
  if (option == "off") return {};
  if (option != "auto") return option;
  const char* folder = std::getenv(folder_variable);
  return folder == nullptr ? "" : folder + ("/" + name);
}

void notify_ready() { sd_notify(0, "READY=1"); }

// systemd requires the start time of the reload, by CLOCK_MONOTONIC and in microseconds.
void notify_reloading() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  sd_notify(0, fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1'000'000 + now.tv_nsec / 1000).c_str());
}

void notify_stopping() { sd_notify(0, "STOPPING=1"); }

void notify_status(const std::string& text) { sd_notify(0, ("STATUS=" + text).c_str()); }

}  // namespace service_manager

std::chrono::microseconds Heartbeat::interval_from_environment() {
  std::uint64_t timeout_us = 0;
  return std::chrono::microseconds{sd_watchdog_enabled(0, &timeout_us) > 0 ? timeout_us / 2 : 0};
}

Heartbeat::Heartbeat(std::chrono::microseconds interval) : interval_(interval) {}

void Heartbeat::poll(const std::vector<std::uint64_t>& polls, bool live, Clock::time_point now) {
  if (!ready_) {
    if (std::ranges::find(polls, 0U) != polls.end()) return;
    ready_ = true;
    polls_.assign(polls.size(), 0);
    service_manager::notify_ready();
  }
  if (now - fed_ < interval_ || (live && !std::ranges::equal(polls_, polls, std::less{}))) return;
  polls_ = polls;
  feed(now);
}

std::optional<std::size_t> Heartbeat::stuck_thread(const std::vector<std::uint64_t>& polls, Clock::time_point now) {
  if (!ready_ || named_stuck_ || interval_.count() == 0 || now - fed_ < interval_ * 3 / 2) return std::nullopt;
  for (std::size_t thread = 0; thread < polls.size(); ++thread) {
    if (polls[thread] > polls_[thread]) continue;
    named_stuck_ = true;
    return thread;
  }
  return std::nullopt;
}

void Heartbeat::feed(Clock::time_point now) {
  if (interval_.count() == 0 || now - fed_ < interval_) return;
  sd_notify(0, "WATCHDOG=1");
  fed_ = now;
}

}  // namespace spanflow

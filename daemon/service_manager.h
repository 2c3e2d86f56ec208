// Notifies systemd about the run (sd_notify(3)). No-op without a service manager.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace spanflow {

namespace service_manager {

void notify_ready();
void notify_reloading();
void notify_stopping();
// `text` is one line, which `systemctl status` shows.
void notify_status(const std::string& text);

}  // namespace service_manager

// Reports the run as ready when each thread that receives packets has polled once, and feeds systemd's watchdog while
// all of them keep polling. For one thread.
class Heartbeat {
 public:
  using Clock = std::chrono::steady_clock;

  // Feeds the watchdog at this interval; 0: there is no watchdog.
  explicit Heartbeat(std::chrono::microseconds interval = interval_from_environment());

  // Call it several times per interval. `polls` is the number of polls of each thread. In a live run all of these must
  // increase; in other runs, threads may wait for a slow sink.
  void poll(const std::vector<std::uint64_t>& polls, bool live, Clock::time_point now = Clock::now());
  // Feeds the watchdog without a check, for the time after the threads have ended.
  void feed(Clock::time_point now = Clock::now());

 private:
  // Half of $WATCHDOG_USEC, or 0 if that is not set for this process.
  static std::chrono::microseconds interval_from_environment();

  const std::chrono::microseconds interval_;
  bool ready_ = false;
  std::vector<std::uint64_t> polls_;  // number of polls of each thread at the last feed
  Clock::time_point fed_;
};

}  // namespace spanflow

// Notifies systemd about the run (sd_notify(3)). Without a service manager, all functions are no-ops.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace spanflow {

namespace service_manager {

// Returns the path that an option names: of `name` in a folder that the service manager has made (auto), none (off), or
// the option itself. `folder_variable` is the environment variable with the folder; without it, auto is an empty path.
std::string path_of(const std::string& option, const char* folder_variable, const std::string& name);

void notify_ready();
void notify_reloading();
void notify_stopping();
// `text` is one line. `systemctl status` shows it.
void notify_status(const std::string& text);

}  // namespace service_manager

// Reports the run as ready when each packet thread has polled at least once. Then feeds systemd's watchdog while all
// packet threads keep polling. Not thread-safe.
class Heartbeat {
 public:
  using Clock = std::chrono::steady_clock;

  // `interval` is the shortest time between two notifications of the watchdog; 0: there is no watchdog.
  explicit Heartbeat(std::chrono::microseconds interval = interval_from_environment());

  // Call it several times per interval. `polls` has the number of polls of each packet thread so far. In a live run,
  // feeds the watchdog only if every number has increased since the last feed. In other runs, a thread may wait for a
  // slow sink, so poll() feeds the watchdog without this check.
  void poll(const std::vector<std::uint64_t>& polls, bool live, Clock::time_point now = Clock::now());
  // Returns the index of a packet thread that has not polled for so long that the service manager is about to end the
  // process. Returns it only once.
  std::optional<std::size_t> stuck_thread(const std::vector<std::uint64_t>& polls,
                                          Clock::time_point now = Clock::now());
  // Feeds the watchdog without a check, at most once per interval. Used after the packet threads have ended.
  void feed(Clock::time_point now = Clock::now());

 private:
  // Returns half of $WATCHDOG_USEC, or 0 if this variable is not set for this process.
  static std::chrono::microseconds interval_from_environment();

  const std::chrono::microseconds interval_;
  bool ready_ = false;
  std::vector<std::uint64_t> polls_;  // number of polls of each packet thread at the last feed
  Clock::time_point fed_;             // time of the last feed
  bool named_stuck_ = false;
};

}  // namespace spanflow

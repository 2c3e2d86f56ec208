// What systemd is told of a run (sd_notify(3)). Where no service manager asked for it, nothing is said.
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
// A line for `systemctl status`.
void notify_status(const std::string& text);

}  // namespace service_manager

// Says that the run is ready once every thread that takes packets has looked for some, and feeds the watchdog while all
// of them go on. One thread.
class Heartbeat {
 public:
  using Clock = std::chrono::steady_clock;

  // The watchdog is fed this often; 0: there is none.
  explicit Heartbeat(std::chrono::microseconds interval = asked_for());

  // To be called several times in an interval. `polls`: how often each thread has looked for packets. Only a live one
  // never waits for anything else.
  void poll(const std::vector<std::uint64_t>& polls, bool live, Clock::time_point now = Clock::now());
  // While no thread takes packets any more.
  void feed(Clock::time_point now = Clock::now());

 private:
  // Half of $WATCHDOG_USEC, if that is meant for this process.
  static std::chrono::microseconds asked_for();

  const std::chrono::microseconds interval_;
  bool ready_ = false;
  std::vector<std::uint64_t> polls_;  // when it was fed last
  Clock::time_point fed_;
};

}  // namespace spanflow

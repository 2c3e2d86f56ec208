// The program's log, through spdlog. Threads that handle packets do not log: they add their messages to Notes. The only
// exceptions are lines of DPDK and libxdp: capture/eal.cc logs these lines at level debug, in the calling thread.
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>

namespace spdlog::details {
class periodic_worker;
class thread_pool;
}  // namespace spdlog::details

namespace spanflow {

struct Config;
class Folding;
class LogWriter;

// Thread-safe. By default, the calling thread writes the line to standard error, as "spanflowd: warning: text". The
// daemon changes this default with the functions below; a program that uses the library keeps it. A message may contain
// any octets: unprintable octets are written as \xNN.
spdlog::logger& log();

// Logs the exception's what() at level error.
void log_failure(const std::exception_ptr& failure);

// `level` is a value of the option log.level. Thread-safe.
void set_log_level(const std::string& level);

// Sends all later lines to `writer`. Call this function only while no other thread logs and no LogThread exists.
void log_to(std::shared_ptr<LogWriter> writer);
// Sets the writer and the level from the configuration. If standard error is connected to the systemd journal, the
// writer is the journal, otherwise the writer for log.format.
void configure_log(const Config& config);

// While a LogThread exists, its own thread writes the lines. A slow reader of the log therefore does not block other
// threads. Repeated messages are folded (see Folding). The queue of lines is bounded: if it is full, the oldest lines
// are dropped, and their number is logged. The destructor writes all queued lines. Only one LogThread may exist at a
// time.
class LogThread {
 public:
  using Clock = std::chrono::steady_clock;

  // `now` is the clock for folding. The log thread and the timer thread call it.
  explicit LogThread(std::function<Clock::time_point()> now = Clock::now);
  ~LogThread();
  LogThread(const LogThread&) = delete;
  LogThread& operator=(const LogThread&) = delete;

 private:
  void report_lost(std::uint64_t lost);

  const std::shared_ptr<Folding> folding_;
  const std::shared_ptr<spdlog::sinks::sink> sink_;
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::unique_ptr<spdlog::details::periodic_worker> timer_;
  std::uint64_t reported_lost_ = 0;
};

}  // namespace spanflow

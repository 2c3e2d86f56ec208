// The program's log, through spdlog. Threads that handle packets do not log: they add their messages to Notes. Only
// lines of DPDK and libxdp are an exception: capture/eal.cc logs them at level debug, in the calling thread.
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
// daemon changes this with the functions below; a program that uses the library keeps the default. A message may
// contain any octet: octets that are not printable are written as \xNN.
spdlog::logger& log();

// Logs the exception's what() at level error.
void log_failure(const std::exception_ptr& failure);

// `level` is a value of the option log.level. Thread-safe.
void set_log_level(const std::string& level);

// Lines go to `writer` from now on. Call this function only while no other thread logs and no LogThread exists.
void log_to(std::shared_ptr<LogWriter> writer);
// Sets the writer and the level from the configuration. The writer is the journal if standard error is connected to it,
// otherwise the writer for log.format.
void configure_log(const Config& config);

// While a LogThread exists, its thread writes the lines, so that a slow reader of the log does not block other threads,
// and repeated messages are folded (see Folding). The queue is bounded: when it is full, the oldest lines are dropped,
// and their number is logged. The destructor writes all queued lines. Only one LogThread may exist at a time.
class LogThread {
 public:
  using Clock = std::chrono::steady_clock;

  // `now` is the clock for folding. Other threads call it.
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

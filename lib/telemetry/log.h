// The program's log, through spdlog. No thread that touches packets logs: what they have to say goes into Notes.
#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <exception>
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

// Thread-safe. Whoever logs writes the line, as "spanflowd: warning: text" to standard error; the daemon changes both
// by what follows, a program that uses the library never does. A message may hold any octet: what is not printable is
// written as \xNN.
spdlog::logger& log();

// Says, as an error, what an exception that was kept says.
void log_failure(const std::exception_ptr& failure);

// A word of the option log.level. Thread-safe, at any time.
void set_log_level(const std::string& level);

// Where lines go from now on. While no other thread logs, and there is no LogThread.
void log_to(std::shared_ptr<LogWriter> writer);
// The same as the configuration has it, and its level: to journald if standard error leads there, else as log.format.
void configure_log(const Config& config);

// While it lives, lines are written by a thread of its own, so that nobody who logs waits for whoever reads the log,
// and what is repeated is folded (see Folding). The queue is bounded: when it is full the oldest lines are lost,
// counted, and the log says how many. After the destructor every line has been written. One at a time.
class LogThread {
 public:
  LogThread();
  ~LogThread();
  LogThread(const LogThread&) = delete;
  LogThread& operator=(const LogThread&) = delete;

 private:
  void tell_lost(std::uint64_t lost);

  const std::shared_ptr<Folding> folding_;
  const std::shared_ptr<spdlog::sinks::sink> sink_;
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::unique_ptr<spdlog::details::periodic_worker> timer_;
  std::uint64_t told_lost_ = 0;
};

}  // namespace spanflow

#include "telemetry/log.h"

#include <fmt/format.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/periodic_worker.h>
#include <spdlog/details/thread_pool.h>

#include <atomic>
#include <system_error>

#include "base/thread.h"
#include "config/config.h"
#include "telemetry/folding.h"
#include "telemetry/journal.h"
#include "telemetry/log_writer.h"

namespace spanflow {
namespace {

constexpr std::size_t kQueue = 1024;      // maximum number of queued lines; a line takes about 400 octets
constexpr std::chrono::seconds kTick{1};  // interval between two reports of repeated and lost lines

struct Loggers {
  Loggers() { log_through(make_text_log()); }

  void log_through(std::shared_ptr<LogWriter> to) {
    writer = std::move(to);
    direct->sinks() = {std::make_shared<WriterSink>(writer)};
  }

  std::shared_ptr<LogWriter> writer;
  const std::shared_ptr<spdlog::logger> direct = std::make_shared<spdlog::logger>(std::string(kLogName));
  // The logger of the last LogThread. The logger outlives the LogThread, because another thread may still use it.
  std::shared_ptr<spdlog::logger> queued;
  std::atomic<spdlog::logger*> current{direct.get()};
};

// The loggers are never destroyed, because threads of libraries may log while the program exits.
Loggers& loggers() {
  static auto* const all = new Loggers;
  return *all;
}

void use(spdlog::logger& logger) {
  logger.set_level(log().level());
  loggers().current = &logger;
}

std::shared_ptr<LogWriter> writer_for(const Config& config) {
  if (standard_error_is_journal()) return make_journal_log(config.sensor_id);
  return config.log.format == LogFormat::kJson ? make_json_log(config.sensor_id) : make_text_log();
}

}  // namespace

spdlog::logger& log() { return *loggers().current.load(std::memory_order_acquire); }

void log_failure(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    log().error("{}", error.what());
  }
}

void set_log_level(const std::string& level) { log().set_level(spdlog::level::from_str(level)); }

void log_to(std::shared_ptr<LogWriter> writer) { loggers().log_through(std::move(writer)); }

void configure_log(const Config& config) {
  log_to(writer_for(config));
  set_log_level(config.log.level);
}

LogThread::LogThread(std::function<Clock::time_point()> now) try
    : folding_(std::make_shared<Folding>(loggers().writer, std::move(now))),
      sink_(std::make_shared<WriterSink>(folding_)),
      pool_(std::make_shared<spdlog::details::thread_pool>(kQueue, 1, [] { name_this_thread("log"); })) {
  loggers().queued = std::make_shared<spdlog::async_logger>(std::string(kLogName), sink_, pool_,
                                                            spdlog::async_overflow_policy::overrun_oldest);
  const auto tick = [this] {
    sink_->flush();
    report_lost(pool_->overrun_counter());
  };
  timer_ = std::make_unique<spdlog::details::periodic_worker>(tick, kTick);
  use(*loggers().queued);
} catch (const std::system_error& error) {
  throw RunError(thread_refusal("log", error));
}

LogThread::~LogThread() {
  timer_.reset();
  use(*loggers().direct);
  const std::uint64_t lost = pool_->overrun_counter();
  pool_.reset();  // waits until the queued lines are written
  folding_->finish();
  report_lost(lost);
}

// Logs at level error, because every value of log.level shows this level.
void LogThread::report_lost(std::uint64_t lost) {
  if (lost == reported_lost_) return;
  const std::string text =
      fmt::format("log: {} messages were lost, because the queue of messages was full", lost - reported_lost_);
  reported_lost_ = lost;
  sink_->log({kLogName, spdlog::level::err, text});
}

}  // namespace spanflow

// Builds, starts, drains and joins everything between a packet source and the sinks, and owns it all. The daemon and
// the Streamer are two users of this one way.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "capture/distributor.h"
#include "capture/hand_over.h"
#include "capture/input.h"
#include "capture/packet_source.h"
#include "config/config.h"
#include "export/collector.h"
#include "flow/meter.h"
#include "metrics/metric_set.h"
#include "options/reload.h"
#include "pipeline/sink_set.h"
#include "pipeline/summary.h"
#include "telemetry/notes.h"

namespace spanflow {

// All calls by one thread but request_stop(), rotate_files(), reload(), polls() and summary(), which are thread-safe.
class Pipeline {
 public:
  // Opens the input and the sinks of the configuration, beside which `more_sinks` get every record too, and `callbacks`
  // go beside its metrics. Throws ConfigError or RunError.
  explicit Pipeline(Config config, std::vector<NamedSink> more_sinks = {},
                    const std::vector<UserMetric>& callbacks = {});
  // Stops, if need be, and joins.
  ~Pipeline();

  void start();
  // Waits until the input has ended, at most this long; true if it has. Call it in a loop: it also watches
  // input.duration and the sinks.
  bool wait(std::chrono::milliseconds time);
  // Ends the input. What sinks do not take within SinkSet::kPatience is dropped and counted.
  void request_stop();
  // Files that have records are completed, and what comes next goes to new ones.
  void rotate_files() { ++rotations_; }
  // Takes over from a checked configuration what may change while flows live on, and names it, and what may not. Only
  // of a live run, between start() and finish(). Throws ConfigError or RunError; then nothing has changed. It may take
  // as long as a sink that goes needs to write what it has.
  Changes reload(const Config& wanted);
  // How often each thread that takes packets has looked for some. One that stands still hangs.
  std::vector<std::uint64_t> polls() const;
  // Drains and joins. What failed on the way is in failures(); what was metered before has been written.
  void finish();

  std::vector<std::exception_ptr> failures() const;
  Summary summary() const;
  bool is_live() const { return spanflow::is_live(config_.input); }
  // Share of the input that has been read, 0 to 1; negative if that cannot be said.
  double progress() const;

 private:
  void make_sources();
  void distribute();
  void hand_over(const OwnerWorkers& owner_workers);
  void make_sinks(std::vector<NamedSink> own);
  void make_workers();
  void run_meter(std::uint16_t worker);
  void log_for_workers();
  void log_overload();

  const Config config_;  // that the run was started with
  std::mutex reload_mutex_;
  Config running_;  // what has been reloaded included
  const Decoder decoder_;
  const MetricSet metrics_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> rotations_{0};
  Notes notes_;  // of the sources

  Counters distributor_counters_;
  Counters collector_counters_;
  std::vector<std::unique_ptr<Counters>> worker_counters_;

  std::unique_ptr<Input> input_;
  std::vector<std::unique_ptr<PacketSource>> sources_;  // of the input
  std::unique_ptr<Distributor> distributor_;            // where one source is for several workers
  std::unique_ptr<HandOver> hand_over_;                 // where each has one, but not of its own flows alone
  std::vector<std::unique_ptr<PacketSource>> ends_;     // of either of the two, for the workers
  std::vector<IntakeInput> intake_inputs_;              // one for each worker
  std::vector<std::unique_ptr<ExportRing>> rings_;
  std::optional<SinkSet> sinks_;
  std::unique_ptr<Collector> collector_;
  std::vector<std::unique_ptr<Meter>> meters_;

  std::vector<std::thread> threads_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t running_meters_ = 0;
  bool finished_ = false;
  bool stopping_ = false;
  std::thread grace_;  // abandons what is left when a stop takes too long
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point ended_;
  std::exception_ptr distributor_failure_;
  std::uint64_t logged_overload_ = 0;
  std::chrono::steady_clock::time_point overload_logged_;
};

}  // namespace spanflow

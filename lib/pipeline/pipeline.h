// Owns all parts of a run, from the packet sources to the sinks. Builds, starts, drains and joins them. The daemon and
// the Streamer use it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/standby_thread.h"
#include "capture/distributor.h"
#include "capture/hand_over.h"
#include "capture/input.h"
#include "capture/packet_source.h"
#include "config/config.h"
#include "export/collector.h"
#include "flow/meter.h"
#include "inspect/name_cache.h"
#include "metrics/metric_set.h"
#include "options/reload.h"
#include "pipeline/sink_set.h"
#include "pipeline/summary.h"
#include "telemetry/notes.h"

namespace spanflow {

// request_stop(), rotate_files(), reload(), polls() and summary() are thread-safe. Only one thread at a time may call
// the other functions.
class Pipeline {
 public:
  // Opens the input and the sinks. `more_sinks` are added to the sinks of the configuration, and `callbacks` to its
  // metrics. `observer`, if it is not nullptr, needs a configuration with one worker, and must outlive the Pipeline.
  // Throws ConfigError or RunError.
  explicit Pipeline(Config config, std::vector<NamedSink> more_sinks = {},
                    const std::vector<UserMetric>& callbacks = {}, FlowObserver* observer = nullptr);
  // Stops the run if needed, and joins the threads.
  ~Pipeline();

  void start();
  // Waits at most `time` for the workers to end. Returns true if all workers have ended. Call it in a loop, because it
  // also logs the workers' notes, and ends the run after input.duration or when all sinks of a run with capture files
  // have ended.
  bool wait(std::chrono::milliseconds time);
  // Ends the input. Records that a sink does not take within SinkSet::kPatience are dropped and counted.
  void request_stop();
  // Makes the sinks complete the files that have records. Later records go to new files.
  void rotate_files() { ++rotations_; }
  // Applies those options of `wanted`, a checked configuration, that may change at runtime. Returns the names of the
  // applied options and of the options that need a restart. Allowed only in a live run, between start() and finish().
  // If it throws ConfigError or RunError, nothing has changed. Waits until removed sinks have written their records.
  Changes reload(const Config& wanted);
  // Returns, for each thread that polls for packets, how often it has polled. If a number no longer grows, the thread
  // hangs.
  std::vector<std::uint64_t> polls() const;
  // Returns the counters of all threads, which exist as long as the Pipeline.
  std::vector<const Counters*> counters() const;
  // Drains the pipeline and joins the threads. Afterwards, all records are written or counted as dropped, and
  // failures() returns the errors.
  void finish();

  std::vector<std::exception_ptr> failures() const;
  Summary summary() const;
  // Returns the name of the user metric whose code this worker is running, or an empty text.
  std::string_view running_metric(std::size_t worker) const;
  bool is_live() const { return spanflow::is_live(config_.input); }
  // Returns the names of the user metrics, which every record has.
  const MetricNames& metrics() const { return metrics_.names(); }
  // Returns the share of the input that has been read, from 0 to 1; negative if it is unknown.
  double progress() const;

 private:
  void make_sources();
  void distribute();
  void hand_over(const OwnerWorkers& owner_workers);
  void make_sinks(std::vector<NamedSink> own);
  void make_workers();
  void pin_worker(std::uint16_t worker);
  void run_meter(std::uint16_t worker);
  void update_input();
  void limit_patience();
  void log_for_workers();
  void log_overload();

  const Config config_;  // the configuration at the start of the run
  std::mutex reload_mutex_;
  Config running_;  // config_ with the changes of all reloads
  const Decoder decoder_;
  const MetricSet metrics_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> rotations_{0};
  Notes notes_;  // messages from the sources

  Counters distributor_counters_;
  Counters collector_counters_;
  std::vector<std::unique_ptr<Counters>> worker_counters_;

  std::unique_ptr<Input> input_;
  std::vector<std::unique_ptr<PacketSource>> sources_;  // sources of packets, from the configured input
  std::unique_ptr<Distributor> distributor_;            // only if one source serves several workers
  // Only if each worker has a source that also delivers packets of flows that other workers own.
  std::unique_ptr<HandOver> hand_over_;
  std::vector<std::unique_ptr<PacketSource>> ends_;  // sources that the workers poll, from distributor_ or hand_over_
  std::vector<IntakeInput> intake_inputs_;           // inputs of the workers, one each
  std::vector<std::unique_ptr<ExportRing>> rings_;
  std::optional<SinkSet> sinks_;
  std::unique_ptr<Collector> collector_;
  std::optional<NameCache> names_;  // must outlive the meters
  std::vector<std::unique_ptr<Meter>> meters_;

  std::deque<StandbyThread> threads_;  // one for each of the meters_
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t running_meters_ = 0;
  bool finished_ = false;
  bool stopping_ = false;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point ended_;
  std::exception_ptr input_failure_;
  std::exception_ptr distributor_failure_;
  std::uint64_t logged_overload_ = 0;
  std::chrono::steady_clock::time_point overload_logged_;
  StandbyThread grace_{"grace", [this] { limit_patience(); }};  // last: the thread uses the other members
};

}  // namespace spanflow

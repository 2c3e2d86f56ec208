// A pipeline whose records the calling program takes, batch by batch.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <vector>

#include "base/standby_thread.h"
#include "pipeline/pipeline.h"

namespace spanflow {

// Finds the kind of input that the text names, a capture file ("-": standard input), DPDK device or kernel interface,
// and sets it in `config`. Throws RunError if there is none.
void set_source(const std::string& source, Config& config);

// Owns the pipeline, its threads and one more thread, which waits for the end of the run. Only one thread at a time may
// call start() and next(). end_input(), stop(), summary() and progress() are thread-safe.
class RecordStream {
 public:
  // Opens the input. Throws ConfigError or RunError. `needs`: the data that the caller takes from records.
  RecordStream(Config config, const FieldNeeds& needs, const std::vector<UserMetric>& callbacks = {},
               FlowObserver* observer = nullptr);
  // Stops the run.
  ~RecordStream();

  void start();
  // Waits at most `time` for the next records, which are valid until the next call. Returns nullopt if the time is
  // over, and no records at the end of the run, or if stop() was called. Throws the pipeline's first failure at the
  // end.
  std::optional<std::span<const FlowRecord>> next(std::chrono::milliseconds time);
  // Ends the input. next() then gives the records of the flows that were open, and no records at the end.
  void end_input() { pipeline_.request_stop(); }
  // Ends the run. Records that next() has not returned are dropped.
  void stop();
  // Waits until the run has ended, after stop() or the last records. Afterwards, summary() is final.
  void join();

  Summary summary() const { return pipeline_.summary(); }
  double progress() const { return pipeline_.progress(); }
  bool is_live() const { return pipeline_.is_live(); }
  const MetricNames& metrics() const { return pipeline_.metrics(); }

 private:
  class PullSink;
  std::vector<NamedSink> pull_sinks(const FieldNeeds& needs);
  void supervise();

  const std::uint64_t queue_records_;
  PullSink* pull_ = nullptr;  // owned by the pipeline
  Pipeline pipeline_;
  StandbyThread supervisor_{"supervisor", [this] { supervise(); }};  // last, because it uses the other members
};

}  // namespace spanflow

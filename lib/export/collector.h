// Drains the workers' export rings into batches and hands each batch to every sink.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "export/export_ring.h"
#include "export/sink_runner.h"
#include "telemetry/counters.h"

namespace spanflow {

// Runs one thread. The rings, sinks and counters must outlive it. A sink that is full loses what others still take;
// only while all are full does it leave the records in the rings, and thereby, when the sweep pauses, in the flow
// tables.
class Collector {
 public:
  Collector(std::vector<ExportRing*> rings, std::vector<SinkRunner*> sinks, Counters& counters);
  ~Collector();

  void start();
  // Hands all that follows to the sinks that `change` returns. Thread-safe; while it is called no sink gets anything,
  // and records wait in rings and tables. It must not throw.
  void change_sinks(const std::function<std::vector<SinkRunner*>()>& change);
  // Drains what the workers have pushed, which must be done pushing, and joins.
  void finish();

 private:
  void run();
  bool drain();
  void take(const RecordBlock& block);
  void hand_over();
  bool has_room(std::size_t records) const;
  void note_lag();

  std::vector<ExportRing*> rings_;
  mutable std::mutex sinks_mutex_;
  std::vector<SinkRunner*> sinks_;
  Counters& counters_;
  std::vector<FlowRecord> batch_;
  std::vector<std::uint64_t> due_ns_;  // of those records in the batch that have such a time
  std::uint64_t sequence_ = 0;
  std::atomic<bool> finishing_{false};
  std::thread thread_;
};

}  // namespace spanflow

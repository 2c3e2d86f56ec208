// Drains the workers' export rings into batches and gives each batch to every sink.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/standby_thread.h"
#include "export/export_ring.h"
#include "export/sink_runner.h"
#include "telemetry/counters.h"

namespace spanflow {

// Runs one thread. The rings, sinks and counters must outlive the Collector. In a live run, a full sink drops records
// while another sink has room. While all sinks are full, records stay in the rings. The workers then stop ending flows
// in their sweeps, and flows stay in the flow tables.
class Collector {
 public:
  Collector(std::vector<ExportRing*> rings, std::vector<SinkRunner*> sinks, Counters& counters);
  ~Collector();

  void start();
  // Gives all later records to the sinks that `change` returns. Thread-safe. While `change` runs, no sink gets records:
  // the records wait in the rings, and flows in the flow tables. `change` must not throw.
  void change_sinks(const std::function<std::vector<SinkRunner*>()>& change);
  // Drains the rings and joins the thread. The workers must have stopped pushing.
  void finish();

 private:
  void run();
  bool drain();
  void take(const RecordBlock& block);
  void hand_over();
  std::vector<FlowRecord> finished_batch();
  bool has_room(std::size_t records) const;
  void note_lag();

  std::vector<ExportRing*> rings_;
  mutable std::mutex sinks_mutex_;
  std::vector<SinkRunner*> sinks_;
  Counters& counters_;
  std::vector<FlowRecord> batch_;
  std::vector<std::uint64_t> due_ns_;  // due times, ns since the epoch, of the records in batch_ that have a due time
  std::uint64_t sequence_ = 0;         // FlowRecord::sequence of the next record
  std::atomic<bool> finishing_{false};
  StandbyThread thread_{"collector", [this] { run(); }};  // last, because it uses the other members
};

}  // namespace spanflow

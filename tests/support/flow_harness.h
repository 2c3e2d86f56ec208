// A FlowCache with everything that it borrows: takes packets, returns records.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "decode/decoder.h"
#include "dpi/classifier.h"
#include "export/export_ring.h"
#include "flow/flow_cache.h"
#include "metrics/conditions.h"
#include "metrics/metric_set.h"
#include "support/packet_builder.h"
#include "telemetry/counters.h"

namespace spanflow::testing {

class FlowHarness {
 public:
  struct Options {
    bool dpi = false;
    bool wait = true;           // as a capture file does; false: a live worker, which drops
    std::size_t blocks = 1024;  // of the export ring
    std::uint32_t dpi_states = 1024;
    std::uint16_t worker = 0;
    TimestampSource timestamp_source = TimestampSource::kFile;
    std::vector<UserMetric> callbacks;
  };

  explicit FlowHarness(Config config = {}) : FlowHarness(std::move(config), Options{}) {}
  FlowHarness(Config config, const Options& options);

  // Decodes the packet, which must be readable, and adds it. Returns it with its direction.
  Packet add(const TestPacket& packet);
  void sweep(std::chrono::nanoseconds now, int budget = 1'000'000);
  // Ends everything at the time of the newest packet.
  void end();
  void end(std::chrono::nanoseconds now);

  // Does the same as a reload.
  void set_timeouts(Nanoseconds active, Nanoseconds inactive);

  // Leaves out as much as a worker that has been behind for `steps` steps.
  void fall_behind(int steps);

  // The records since the last call, in the order they were written.
  std::vector<FlowRecord> take_records();
  // The due times of the records that the last take_records() returned; 0: none.
  const std::vector<std::uint64_t>& due_ns() const { return due_ns_; }
  // end() and take_records().
  std::vector<FlowRecord> finish();

  std::uint64_t counter(Counter id) const { return counters_.get(id); }
  const MetricSet& metrics() const { return metrics_; }
  FlowTable& table() { return cache_->table(); }
  ExportRing& ring() { return ring_; }
  RecordWriter& writer() { return writer_; }
  // flows: opened = open + exported by reason; records exported = exported flows.
  bool ledgers_balance() const;

 private:
  const Config config_;
  const Decoder decoder_;
  const MetricSet metrics_;
  Conditions conditions_;
  Counters counters_;
  ExportRing ring_;
  RecordWriter writer_;
  std::optional<Classifier> classifier_;
  std::unique_ptr<FlowCache> cache_;
  std::uint64_t newest_ns_ = 0;
  std::vector<std::uint64_t> due_ns_;
};

// All members of a record as one line, except `worker` and `sequence`.
std::string line_of(FlowRecord record);
// The lines sorted, to compare runs whose records leave in another order.
std::vector<std::string> sorted_lines(const std::vector<FlowRecord>& records);

}  // namespace spanflow::testing

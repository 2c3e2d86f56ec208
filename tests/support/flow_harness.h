// A FlowCache with everything that it borrows. Takes packets, and returns records.
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
    // True: waits for room in the export ring, as for a capture file. False: drops records, as a live worker does.
    bool wait = true;
    std::size_t blocks = 1024;  // number of blocks in the export ring
    std::uint32_t dpi_states = 1024;
    std::uint16_t worker = 0;
    TimestampSource timestamp_source = TimestampSource::kFile;
    std::vector<UserMetric> callbacks;
  };

  explicit FlowHarness(Config config = {}) : FlowHarness(std::move(config), Options{}) {}
  FlowHarness(Config config, const Options& options);

  // Decodes the packet and adds it to its flow. The packet must be valid. Returns it with its direction.
  Packet add(const TestPacket& packet);
  void sweep(std::chrono::nanoseconds now, int budget = 1'000'000);
  // Ends all flows at the time of the newest packet.
  void end();
  void end(std::chrono::nanoseconds now);

  // Sets the timeouts as a reload does.
  void set_timeouts(Nanoseconds active, Nanoseconds inactive);

  // Makes the cache leave out as much work as that of a worker that has been behind for `steps` steps.
  void fall_behind(int steps);

  // Returns the records since the last call, in the order in which they were written.
  std::vector<FlowRecord> take_records();
  // The due times of the records that the last take_records() returned; 0: no due time.
  const std::vector<std::uint64_t>& due_ns() const { return due_ns_; }
  // Calls end() and take_records().
  std::vector<FlowRecord> finish();

  std::uint64_t counter(Counter id) const { return counters_.get(id); }
  const MetricSet& metrics() const { return metrics_; }
  FlowTable& table() { return cache_->table(); }
  ExportRing& ring() { return ring_; }
  RecordWriter& writer() { return writer_; }
  // True if flows opened = flows open + flows exported for any reason, and records exported = flows exported.
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

// Returns all members of a record as one line, except `worker` and `sequence`.
std::string line_of(FlowRecord record);
// Returns sorted lines, for comparing runs whose records leave in different orders.
std::vector<std::string> sorted_lines(const std::vector<FlowRecord>& records);

}  // namespace spanflow::testing

// A FlowCache together with all objects that it borrows. Takes packets and returns records.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/packet_clock.h"
#include "config/config.h"
#include "decode/decoder.h"
#include "export/export_ring.h"
#include "flow/flow_cache.h"
#include "flow/payload_tools.h"
#include "inspect/name_cache.h"
#include "metrics/conditions.h"
#include "metrics/metric_set.h"
#include "support/packet_builder.h"
#include "telemetry/counters.h"

namespace spanflow::testing {

class FlowHarness {
 public:
  struct Options {
    bool dpi = false;    // replaces dpi.enabled of the configuration
    bool names = false;  // replaces features.names
    // True: waits if the export ring is full, as a run over capture files does. False: drops records, as a live worker
    // does.
    bool wait = true;
    std::size_t blocks = 128;         // number of blocks in the export ring; take_records() empties it
    std::uint32_t dpi_states = 1024;  // replaces dpi.max_flows of the configuration
    std::uint16_t worker = 0;
    TimestampSource timestamp_source = TimestampSource::kFile;
    std::vector<UserMetric> callbacks;
    FlowObserver* observer = nullptr;
  };

  explicit FlowHarness(Config config = {}) : FlowHarness(std::move(config), Options{}) {}
  FlowHarness(Config config, const Options& options);

  // Decodes the packet and adds it to its flow. Returns the decoded packet with its direction. Throws
  // std::invalid_argument if the packet cannot be metered.
  Packet add(const TestPacket& packet);
  // `budget` is the largest number of flows that this call may end.
  void sweep(std::chrono::nanoseconds now, int budget = 1'000'000);
  // Ends all flows at the time of the newest packet.
  void end();
  void end(std::chrono::nanoseconds now);

  // Sets the timeouts as a reload does.
  void set_timeouts(Nanoseconds active, Nanoseconds inactive);

  // Makes the cache leave out work, as if Overload had gone up by `steps` steps.
  void fall_behind(int steps);

  // Returns the records since the last call, in the order in which they were written.
  std::vector<FlowRecord> take_records();
  // Returns the due times of the records that the last take_records() returned; 0: no due time.
  const std::vector<std::uint64_t>& due_ns() const { return due_ns_; }
  // Calls end() and take_records().
  std::vector<FlowRecord> finish();

  std::uint64_t counter(Counter id) const { return counters_.get(id); }
  const MetricSet& metrics() const { return metrics_; }
  FlowTable& table() { return cache_->table(); }
  ExportRing& ring() { return ring_; }
  RecordWriter& writer() { return writer_; }
  // True if the counters of flows and records balance, see flows_balance().
  bool ledgers_balance() const;

 private:
  const Config config_;
  const Decoder decoder_;
  const MetricSet metrics_;
  Conditions conditions_;
  PacketClock clock_;
  Counters counters_;
  ExportRing ring_;
  RecordWriter writer_;
  NameCache names_{1024, 1};
  PayloadTools tools_;
  std::unique_ptr<FlowCache> cache_;
  std::uint64_t newest_ns_ = 0;
  std::vector<std::uint64_t> due_ns_;
};

// Returns the record as one line, with `worker` and `sequence` set to 0, which differ between runs of the same traffic.
std::string line_of(FlowRecord record);
// Returns the sorted lines of all records. A test can compare two runs that export their records in different orders.
std::vector<std::string> sorted_lines(const std::vector<FlowRecord>& records);

}  // namespace spanflow::testing

// Passes records from a worker to the collector, in blocks of a BlockRing that are written in place.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "base/block_ring.h"
#include "spanflow/record.h"

namespace spanflow {

struct RecordBlock {
  static constexpr std::size_t kRecords = 256;

  // `with_extras`: the block has room for extras. `cells_each`: the number of metric cells of each record.
  explicit RecordBlock(bool with_extras = false, std::uint32_t cells_each = 0)
      : extras(with_extras ? kRecords : 0), metric_cells(cells_each), cells(kRecords * std::size_t{cells_each}) {}

  std::size_t count = 0;
  std::array<FlowRecord, kRecords> records;
  // When each record was due, in ns since the epoch; 0: no due time, as with capture files.
  std::array<std::uint64_t, kRecords> due_ns{};
  std::vector<FlowExtras> extras;
  std::uint32_t metric_cells;  // number of metric cells per record; `cells` holds those of all records
  std::vector<MetricCell> cells;
};

// The place for one record; `extras` is nullptr without features, `metrics` without user metrics.
struct RecordSlot {
  FlowRecord* record = nullptr;
  std::uint64_t* due_ns = nullptr;
  FlowExtras* extras = nullptr;
  MetricCell* metrics = nullptr;
};

using ExportRing = BlockRing<RecordBlock>;

inline constexpr std::size_t kExportRingBlocks = 64;

// The worker's end of an ExportRing, which must outlive it. Single-threaded.
class RecordWriter {
 public:
  // `wait`: wait for room (capture files) instead of failing (live workers, which drop the record).
  RecordWriter(ExportRing& ring, bool wait) : ring_(ring), wait_(wait) {}

  // Returns the next record to fill in, nullptr if the ring is full. Fields still have the values of an earlier record.
  RecordSlot next();
  // Makes next() wait for room from now on, because waiting no longer loses packets.
  void wait_from_now_on() { wait_ = true; }
  // Passes the current block to the collector.
  void flush();
  // True if the ring is more than 75 % full: flows that can wait then stay in the table.
  bool nearly_full() const { return !wait_ && ring_.empty_blocks() * 4 < ring_.blocks(); }
  // The last quarter of the ring is reserved for records that cannot wait. Returns its filled share, 0 to 1.
  double backlog() const {
    const double empty = static_cast<double>(ring_.empty_blocks() * 4) / static_cast<double>(ring_.blocks());
    return wait_ ? 0 : std::max(0.0, 1 - empty);
  }
  bool has_unflushed() const { return block_ != nullptr && block_->count > 0; }

 private:
  ExportRing& ring_;
  bool wait_;
  RecordBlock* block_ = nullptr;
};

}  // namespace spanflow

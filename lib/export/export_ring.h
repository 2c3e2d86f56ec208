// Records from a worker to the collector: blocks of them in a BlockRing, written in place.
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

  // `with_extras`: a place for the extras of each record. `cells_each`: for its metrics.
  explicit RecordBlock(bool with_extras = false, std::uint32_t cells_each = 0)
      : extras(with_extras ? kRecords : 0), metric_cells(cells_each), cells(kRecords * std::size_t{cells_each}) {}

  std::size_t count = 0;
  std::array<FlowRecord, kRecords> records;
  // When a record was due, in ns since the epoch; 0: nothing waited for it, as in a capture file.
  std::array<std::uint64_t, kRecords> due_ns{};
  std::vector<FlowExtras> extras;
  std::uint32_t metric_cells;  // of a record, all in `cells`
  std::vector<MetricCell> cells;
};

// Where a record is written; `extras` is nullptr without features, `metrics` without user metrics.
struct RecordSlot {
  FlowRecord* record = nullptr;
  std::uint64_t* due_ns = nullptr;
  FlowExtras* extras = nullptr;
  MetricCell* metrics = nullptr;
};

using ExportRing = BlockRing<RecordBlock>;

inline constexpr std::size_t kExportRingBlocks = 64;

// The worker's end of an ExportRing, which must outlive it. One thread.
class RecordWriter {
 public:
  // `wait`: a capture file waits for room, a live worker gets none and drops.
  RecordWriter(ExportRing& ring, bool wait) : ring_(ring), wait_(wait) {}

  // The next record to fill in, nullptr when the ring is full. Fields keep what an earlier record left.
  RecordSlot next();
  // From now on it waits for room: no packet is lost by it any more.
  void wait_from_now_on() { wait_ = true; }
  // Passes on what has been written since.
  void flush();
  // Above three quarters: what can stay in the flow table should.
  bool nearly_full() const { return !wait_ && ring_.empty_blocks() * 4 < ring_.blocks(); }
  // How much of the last quarter is filled, which is for what cannot stay there: 0 to 1.
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

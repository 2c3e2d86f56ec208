// Passes records from a worker to the collector in the blocks of a BlockRing. The worker writes a record directly into
// a block.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/block_ring.h"
#include "spanflow/record.h"

namespace spanflow {

struct RecordBlock {
  static constexpr std::size_t kRecords = 256;
  // Most memory that a place for a record keeps for metadata. Most flows have less: names, fingerprints, a certificate.
  static constexpr std::size_t kUsualMetadata = 1024;

  // `with_extras`: true if the block has room for extras. `cells_each`: number of metric cells of each record.
  explicit RecordBlock(bool with_extras = false, std::uint32_t cells_each = 0)
      : extras(with_extras ? kRecords : 0), metric_cells(cells_each), cells(kRecords * std::size_t{cells_each}) {}

  // A place for a record keeps the memory of its extras for the next one. Gives back what only a few records need:
  // without this, a sender of long names could make each place of every block as large as the longest metadata.
  void give_back_unusual_memory() {
    for (std::size_t at = 0; at < std::min(count, extras.size()); ++at) {
      std::string& metadata = extras[at].metadata.octets;
      if (metadata.capacity() > kUsualMetadata) std::string().swap(metadata);
    }
  }

  std::size_t count = 0;  // number of records in the block
  std::array<FlowRecord, kRecords> records;
  // The due time of each record, in ns since the epoch. 0: no due time (capture files, and flows that ended early).
  std::array<std::uint64_t, kRecords> due_ns{};
  std::vector<FlowExtras> extras;  // one element for each record; empty: no extras
  std::uint32_t metric_cells;      // number of metric cells of each record
  std::vector<MetricCell> cells;   // the metric cells of all records
};

// The memory for one record in a block. `extras` is nullptr if no feature needs extras, and `metrics` is nullptr if
// there are no user metrics.
struct RecordSlot {
  FlowRecord* record = nullptr;
  std::uint64_t* due_ns = nullptr;
  FlowExtras* extras = nullptr;
  MetricCell* metrics = nullptr;
};

using ExportRing = BlockRing<RecordBlock>;

inline constexpr std::size_t kExportRingBlocks = 64;

// The worker's end of an ExportRing. Used by one thread. The ring must outlive the writer.
class RecordWriter {
 public:
  // `wait`: true for capture files: next() waits for room. false for a live worker: next() fails, and the worker drops
  // the record.
  RecordWriter(ExportRing& ring, bool wait) : ring_(ring), wait_(wait) {}

  // Returns the next record to fill in. All pointers are nullptr if the ring is full. The record still has the values
  // of an earlier record.
  RecordSlot next();
  // Makes next() wait for room from now on. For the end of a live run: the worker reads no more packets, so waiting
  // loses none.
  void wait_from_now_on() { wait_ = true; }
  // Passes the current block to the collector.
  void flush();
  // True if the ring is more than 75 % full: flows that can wait then stay in the table.
  bool nearly_full() const { return !wait_ && ring_.empty_blocks() * 4 < ring_.blocks(); }
  // Returns how far the last quarter of the ring is filled, from 0 to 1. This quarter is reserved for records that
  // cannot wait.
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

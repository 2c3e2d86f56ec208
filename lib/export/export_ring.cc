#include "export/export_ring.h"

#include <chrono>
#include <thread>

namespace spanflow {

RecordSlot RecordWriter::next() {
  if (block_ != nullptr && block_->count == RecordBlock::kRecords) flush();
  if (block_ == nullptr) {
    block_ = ring_.take_empty();
    while (block_ == nullptr && wait_) {
      std::this_thread::sleep_for(std::chrono::microseconds{50});
      block_ = ring_.take_empty();
    }
    if (block_ == nullptr) return {};
    block_->count = 0;
  }
  const std::size_t at = block_->count++;
  return {&block_->records[at], &block_->due_ns[at], block_->extras.empty() ? nullptr : &block_->extras[at],
          block_->cells.empty() ? nullptr : &block_->cells[at * block_->metric_cells]};
}

void RecordWriter::flush() {
  if (!has_unflushed()) return;
  ring_.push(block_);
  block_ = nullptr;
}

}  // namespace spanflow

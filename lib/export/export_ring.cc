#include "export/export_ring.h"

#include <chrono>
#include <thread>

namespace spanflow {

FlowRecord* RecordWriter::next() {
  if (block_ != nullptr && block_->count == RecordBlock::kRecords) flush();
  if (block_ == nullptr) {
    block_ = ring_.take_empty();
    while (block_ == nullptr && wait_) {
      std::this_thread::sleep_for(std::chrono::microseconds{50});
      block_ = ring_.take_empty();
    }
    if (block_ == nullptr) return nullptr;
    block_->count = 0;
  }
  return &block_->records[block_->count++];
}

void RecordWriter::flush() {
  if (!has_unflushed()) return;
  ring_.push(block_);
  block_ = nullptr;
}

}  // namespace spanflow

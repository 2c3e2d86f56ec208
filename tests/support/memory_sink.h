// A Sink that keeps the records, so that a test can read them.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "sinks/sink.h"

namespace spanflow::testing {

// The records that a MemorySink has received. A SinkRunner owns and destroys the MemorySink, so a test reads the
// records from this object. Thread-safe.
class KeptRecords {
 public:
  void add(std::span<const FlowRecord> records) {
    const std::lock_guard lock(mutex_);
    records_.insert(records_.end(), records.begin(), records.end());
  }
  std::vector<FlowRecord> all() const {
    const std::lock_guard lock(mutex_);
    return records_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<FlowRecord> records_;
};

class MemorySink : public Sink {
 public:
  explicit MemorySink(std::shared_ptr<KeptRecords> kept) : kept_(std::move(kept)) {}
  void write(std::span<const FlowRecord> records) override { kept_->add(records); }
  void flush() override {}

 private:
  std::shared_ptr<KeptRecords> kept_;
};

}  // namespace spanflow::testing

// A sink on a thread of its own, behind a bounded queue. A slow or failing sink fills its own queue and no other.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "sinks/sink.h"

namespace spanflow {

using RecordBatch = std::shared_ptr<const std::vector<FlowRecord>>;

// handed + recovered = delivered + queued + spooled + the drops, at every moment it is taken.
struct SinkLedger {
  std::string name;
  std::uint64_t handed = 0;
  std::uint64_t recovered = 0;  // of a run before, found in the spool
  std::uint64_t delivered = 0;
  std::uint64_t queued = 0;
  std::uint64_t spooled = 0;
  std::array<std::uint64_t, kDropReasonNames.size()> dropped{};

  std::uint64_t waiting = 0;        // of those queued: not yet taken by the sink
  std::uint64_t queue_records = 0;  // how many may wait
  double oldest_seconds = 0;        // how long the oldest that waits, or that the sink has not flushed, is here
  std::optional<SpoolDepth> spool;

  // By a reload: so it was handed only what was exported while it was there.
  bool added = false;
  bool removed = false;

  // Counts those of one of the same name, which was there before.
  SinkLedger& operator+=(const SinkLedger& before);
};

// enqueue() and finish() are the collector's; the other functions are thread-safe.
class SinkRunner {
 public:
  // `wait`: enqueue() waits for room in the queue, and a write error ends the sink; otherwise what has no room is
  // dropped and writing is tried again. `abandon` must outlive the runner.
  SinkRunner(std::string name, std::unique_ptr<Sink> sink, std::uint64_t queue_records, bool wait,
             const std::atomic<bool>& abandon);
  ~SinkRunner();

  // Once it runs, nothing.
  void start();
  void enqueue(const RecordBatch& batch);
  // False while enqueue() would have to wait, or to drop, for want of room. True of a sink that takes nothing any more.
  bool has_room(std::size_t records) const;
  // Writes what is queued, has the sink finish, and joins the thread.
  void finish();
  // After finish(): lets the sink go, and with it what it has open.
  void release();

  SinkLedger ledger() const;
  // True once the sink takes nothing any more.
  bool has_ended() const;
  // What went wrong last, if it ended the sink or kept records from it; else nullptr.
  std::exception_ptr failure() const;

 private:
  void run();
  bool fits(std::size_t records) const;
  RecordBatch take();
  void deliver(const RecordBatch& batch);
  void flush_until_written();
  void finish_sink();
  void settle_unflushed();
  double oldest_seconds() const;
  void drop(DropReason reason, std::uint64_t records);
  DropReason reason_of_ended() const;

  const std::string name_;
  std::unique_ptr<Sink> sink_;
  const bool settles_itself_;
  const std::uint64_t queue_records_;
  const bool wait_;
  const std::atomic<bool>& abandon_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  using Clock = std::chrono::steady_clock;
  struct Waiting {
    RecordBatch batch;
    Clock::time_point since;
  };

  std::deque<Waiting> queue_;
  std::uint64_t queued_ = 0;     // records in queue_
  std::uint64_t unflushed_ = 0;  // records the sink has buffered
  Clock::time_point unflushed_since_;
  std::uint64_t entrusted_ = 0;  // records flushed by a sink that settles them itself
  SinkLedger ledger_;            // but for `queued`, and what the sink settles itself
  std::exception_ptr failure_;
  bool ended_ = false;  // the sink takes no more
  bool finishing_ = false;
  std::thread thread_;
};

}  // namespace spanflow

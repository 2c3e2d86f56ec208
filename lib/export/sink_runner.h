// Runs a sink on its own thread behind a bounded queue. A slow or failing sink fills only its own queue.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/standby_thread.h"
#include "sinks/sink.h"

namespace spanflow {

using RecordBatch = std::shared_ptr<const std::vector<FlowRecord>>;

// Invariant: handed + recovered = delivered + queued + spooled + the sum of dropped.
struct SinkLedger {
  std::string name;
  std::uint64_t handed = 0;     // records passed to enqueue()
  std::uint64_t recovered = 0;  // records of an earlier run, found in the spool
  std::uint64_t delivered = 0;
  std::uint64_t queued = 0;   // records in the queue or in the sink, without a known outcome
  std::uint64_t spooled = 0;  // records in the spool now
  std::array<std::uint64_t, kDropReasonNames.size()> dropped{};

  std::uint64_t waiting = 0;        // the part of `queued` that the sink has not taken yet
  std::uint64_t queue_records = 0;  // the limit of `waiting`
  double oldest_seconds = 0;        // age of the oldest record that waits or is not flushed; 0: no such record
  std::optional<SpoolDepth> spool;

  // True if a reload added or removed the sink: the sink was not given all records of the run.
  bool added = false;
  bool removed = false;

  // Adds the counts of an earlier sink of the same name.
  SinkLedger& operator+=(const SinkLedger& before);
};

// start(), enqueue(), finish() and release() must not run at the same time. The other functions are thread-safe.
class SinkRunner {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Clock = std::function<Time()>;

  // `wait`: true: enqueue() waits for room in the queue, and a write error ends the sink. false: enqueue() drops
  // records if the queue is full, and failed writes are retried. `abandon` must outlive the runner.
  SinkRunner(std::string name, std::unique_ptr<Sink> sink, std::uint64_t queue_records, bool wait,
             const std::atomic<bool>& abandon, Clock clock = std::chrono::steady_clock::now);
  ~SinkRunner();

  // Starts the sink's thread. No-op if the thread is already running.
  void start();
  void enqueue(const RecordBatch& batch);
  // True if enqueue() has room for this number of records, and always for a sink that has ended. If false, enqueue()
  // would wait or drop the records.
  bool has_room(std::size_t records) const;
  // Writes the queued records, finishes the sink and joins the thread.
  void finish();
  // The same, but waits at most `time`. Returns false if the sink has not finished within this time.
  bool finish_within(std::chrono::milliseconds time);
  // To be called after finish(). Destroys the sink, which closes its files and connections.
  void release();

  SinkLedger ledger() const;
  // True once the sink takes no more records.
  bool has_ended() const;
  // The error of the sink's last flush(), or of its finish(); nullptr: no error.
  std::exception_ptr failure() const;

 private:
  void run();
  void ask_to_finish();
  bool fits(std::size_t records) const;
  RecordBatch take();
  void deliver(const RecordBatch& batch);
  void flush_until_written();
  void note_lost();
  void finish_sink();
  void settle_unflushed();
  double oldest_seconds() const;
  void drop(DropReason reason, std::uint64_t records);
  DropReason reason_of_ended() const;

  const std::string name_;
  std::unique_ptr<Sink> sink_;
  const bool settles_itself_;  // true if the sink itself counts confirmed records, see Sink::settled()
  const std::uint64_t queue_records_;
  const bool wait_;
  const std::atomic<bool>& abandon_;
  const Clock clock_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  struct Waiting {
    RecordBatch batch;
    Time since;  // time of enqueue()
  };

  std::deque<Waiting> queue_;
  std::uint64_t queued_ = 0;     // records in queue_
  std::uint64_t unflushed_ = 0;  // records taken from queue_ and not flushed yet
  Time unflushed_since_;         // time of enqueue() of the oldest unflushed record
  std::uint64_t entrusted_ = 0;  // records flushed, if the sink itself counts confirmed records
  SinkLedger ledger_;            // without the values that ledger() computes
  std::exception_ptr failure_;
  std::uint64_t lost_ = 0;   // records that counted as delivered and were lost later
  std::exception_ptr loss_;  // the error for lost_
  bool ended_ = false;       // true once the sink takes no more records
  bool finishing_ = false;
  StandbyThread thread_;  // last, because it uses the other members
};

}  // namespace spanflow

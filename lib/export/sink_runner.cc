#include "export/sink_runner.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "telemetry/log.h"

namespace spanflow {
namespace {

constexpr std::uint64_t kFlushRecords = 4096;         // number of records between two flushes; about 2 MiB of JSON
constexpr std::chrono::milliseconds kIdleFlush{100};  // time between flushes without records; limits a rotation's delay
constexpr std::chrono::milliseconds kRetryDelay{500};  // time between a failed flush and the next try

// Adds the sink's own counts to the ledger. Subtracts the settled records from `queued`, which includes all records
// that were ever flushed to the sink.
void add(const Settled& settled, SinkLedger& ledger) {
  ledger.recovered = settled.recovered;
  ledger.delivered = settled.delivered;
  ledger.spooled = settled.spooled;
  ledger.queued += settled.recovered - settled.delivered - settled.spooled;
  for (std::size_t reason = 0; reason < settled.dropped.size(); ++reason) {
    ledger.dropped[reason] += settled.dropped[reason];
    ledger.queued -= settled.dropped[reason];
  }
  ledger.spool = settled.spool;
}

}  // namespace

SinkLedger& SinkLedger::operator+=(const SinkLedger& before) {
  handed += before.handed;
  recovered += before.recovered;
  delivered += before.delivered;
  queued += before.queued;
  spooled += before.spooled;
  for (std::size_t reason = 0; reason < dropped.size(); ++reason) dropped[reason] += before.dropped[reason];
  return *this;
}

SinkRunner::SinkRunner(std::string name, std::unique_ptr<Sink> sink, std::uint64_t queue_records, bool wait,
                       const std::atomic<bool>& abandon, Clock clock)
    : name_(std::move(name)),
      sink_(std::move(sink)),
      settles_itself_(sink_->settled().has_value()),
      queue_records_(queue_records),
      wait_(wait),
      abandon_(abandon),
      clock_(std::move(clock)),
      thread_("sink " + name_, [this] { run(); }) {
  ledger_.name = name_;
}

SinkRunner::~SinkRunner() { finish(); }

void SinkRunner::start() { thread_.begin(); }

void SinkRunner::enqueue(const RecordBatch& batch) {
  std::unique_lock lock(mutex_);
  ledger_.handed += batch->size();
  while (wait_ && !ended_ && !fits(batch->size()) && !abandon_) changed_.wait_for(lock, kAbandonCheck);
  if (ended_) return drop(reason_of_ended(), batch->size());
  if (!fits(batch->size())) return drop(abandon_ ? DropReason::kStopped : DropReason::kQueueFull, batch->size());
  queue_.push_back({batch, clock_()});
  queued_ += batch->size();
  changed_.notify_all();
}

// An empty queue takes a batch of any size. Otherwise a batch above the limit would never fit.
bool SinkRunner::fits(std::size_t records) const { return queued_ == 0 || queued_ + records <= queue_records_; }

bool SinkRunner::has_room(std::size_t records) const {
  const std::lock_guard lock(mutex_);
  return ended_ || abandon_ || fits(records);
}

void SinkRunner::finish() {
  ask_to_finish();
  thread_.join();
}

bool SinkRunner::finish_within(std::chrono::milliseconds time) {
  ask_to_finish();
  return thread_.wait_for(time);
}

void SinkRunner::ask_to_finish() {
  const std::lock_guard lock(mutex_);
  finishing_ = true;
  changed_.notify_all();
}

void SinkRunner::release() {
  SinkLedger last = ledger();
  std::unique_ptr<Sink> sink;
  const std::lock_guard lock(mutex_);
  ledger_ = std::move(last);
  sink = std::move(sink_);  // destroyed after the mutex is unlocked, because `sink` is declared before the lock
}

void SinkRunner::run() {
  flush_until_written();  // writes the start of the output, such as a header line
  while (const RecordBatch batch = take()) deliver(batch);
  sink_->end();
  flush_until_written();
  finish_sink();
}

// Waits for the next batch and returns it. Flushes the sink while the queue is empty. Returns nullptr at the end.
RecordBatch SinkRunner::take() {
  std::unique_lock lock(mutex_);
  while (queue_.empty() && !finishing_) {
    lock.unlock();
    flush_until_written();
    lock.lock();
    changed_.wait_for(lock, kIdleFlush, [this] { return !queue_.empty() || finishing_; });
  }
  if (queue_.empty()) return nullptr;
  const auto [batch, since] = queue_.front();
  queue_.pop_front();
  if (unflushed_ == 0) unflushed_since_ = since;
  queued_ -= batch->size();
  unflushed_ += batch->size();
  changed_.notify_all();
  return batch;
}

void SinkRunner::deliver(const RecordBatch& batch) {
  if (ended_) {
    const std::lock_guard lock(mutex_);
    drop(reason_of_ended(), batch->size());
    unflushed_ -= batch->size();
    return;
  }
  sink_->write(*batch);
  if (unflushed_ >= kFlushRecords) flush_until_written();
}

// Flushes the sink until a flush succeeds or the sink has ended.
void SinkRunner::flush_until_written() {
  bool failed_before = false;
  while (!ended_) {
    std::exception_ptr error;
    try {
      sink_->flush();
    } catch (const RunError& what) {
      error = std::current_exception();
      if (!failed_before && !wait_) log().error("{}", what.what());
      failed_before = true;
    }
    std::unique_lock lock(mutex_);
    failure_ = error;
    note_lost();
    ended_ = error != nullptr && (wait_ || abandon_ || finishing_);
    if (error == nullptr || ended_) return settle_unflushed();
    changed_.wait_for(lock, kRetryDelay, [this] { return finishing_; });
  }
}

// Called with the mutex held, after a successful flush or when the sink has ended. Counts the unflushed records as
// delivered, or as dropped if the sink has ended. If the sink itself counts confirmed records, adds the unflushed
// records to entrusted_ instead.
void SinkRunner::settle_unflushed() {
  if (settles_itself_) {
    entrusted_ += unflushed_;
  } else if (ended_) {
    drop(reason_of_ended(), unflushed_);
  } else {
    ledger_.delivered += unflushed_;
  }
  unflushed_ = 0;
  changed_.notify_all();
}

// Called with the mutex held. Takes back records that counted as delivered.
void SinkRunner::note_lost() {
  const std::uint64_t lost = sink_->take_lost();
  if (lost == 0) return;
  lost_ += lost;
  loss_ = std::make_exception_ptr(
      RunError(fmt::format("{}: {} records were lost, because a file was removed", name_, lost_)));
}

void SinkRunner::finish_sink() {
  try {
    sink_->finish();
  } catch (const RunError&) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
  }
}

void SinkRunner::drop(DropReason reason, std::uint64_t records) {
  ledger_.dropped[static_cast<std::size_t>(reason)] += records;
}

DropReason SinkRunner::reason_of_ended() const { return abandon_ ? DropReason::kStopped : DropReason::kWriteFailed; }

SinkLedger SinkRunner::ledger() const {
  const std::lock_guard lock(mutex_);
  SinkLedger ledger = ledger_;
  if (sink_ == nullptr) return ledger;
  // Lost records may be in a batch that is not settled yet.
  const std::uint64_t lost = std::min(lost_, ledger.delivered);
  ledger.delivered -= lost;
  ledger.dropped[static_cast<std::size_t>(DropReason::kWriteFailed)] += lost;
  ledger.queued = queued_ + unflushed_ + entrusted_;
  ledger.waiting = queued_;
  ledger.queue_records = queue_records_;
  ledger.oldest_seconds = oldest_seconds();
  if (settles_itself_) add(*sink_->settled(), ledger);
  return ledger;
}

double SinkRunner::oldest_seconds() const {
  if (unflushed_ == 0 && queue_.empty()) return 0;
  const Time since = unflushed_ > 0 ? unflushed_since_ : queue_.front().since;
  return std::chrono::duration<double>(clock_() - since).count();
}

bool SinkRunner::has_ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

std::exception_ptr SinkRunner::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_ != nullptr ? failure_ : loss_;
}

}  // namespace spanflow

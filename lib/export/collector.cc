#include "export/collector.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/steady_time.h"
#include "capture/backoff.h"

namespace spanflow {
namespace {

constexpr std::size_t kBatchRecords = 1024;
// During the longest sleep, the workers write fewer records than the rings can hold. Long sleeps make large batches.
constexpr Backoff::Steps kIdle{
    .pauses = 0, .first_sleep = Backoff::Microseconds{500}, .longest_sleep = Backoff::Microseconds{4000}};

}  // namespace

Collector::Collector(std::vector<ExportRing*> rings, std::vector<SinkRunner*> sinks, Counters& counters)
    : rings_(std::move(rings)), sinks_(std::move(sinks)), counters_(counters) {}

Collector::~Collector() { finish(); }

void Collector::start() { thread_.begin(); }

void Collector::finish() {
  finishing_ = true;
  thread_.join();
}

void Collector::run() {
  Backoff backoff(kIdle);
  for (;;) {
    // Read before drain(), so that the last drain() finds all blocks that were pushed before finish().
    const bool last = finishing_;
    if (drain()) {
      backoff.reset();
      continue;
    }
    if (last) return;
    backoff.wait();
  }
}

// Takes one block from each ring. Returns false if all rings were empty.
bool Collector::drain() {
  bool any = false;
  for (ExportRing* ring : rings_) {
    RecordBlock* block = ring->pop();
    if (block == nullptr) continue;
    any = true;
    take(*block);
    block->give_back_unusual_memory();
    ring->give_back(block);
  }
  if (!any || batch_.size() >= kBatchRecords) hand_over();
  return any;
}

void Collector::take(const RecordBlock& block) {
  if (batch_.empty()) batch_.reserve(kBatchRecords + RecordBlock::kRecords * rings_.size());
  const std::size_t first = batch_.size();
  batch_.insert(batch_.end(), block.records.begin(), block.records.begin() + static_cast<std::ptrdiff_t>(block.count));
  for (std::size_t i = first; i < batch_.size(); ++i) batch_[i].sequence = sequence_++;
  std::copy_if(block.due_ns.begin(), block.due_ns.begin() + static_cast<std::ptrdiff_t>(block.count),
               std::back_inserter(due_ns_), [](std::uint64_t due_ns) { return due_ns > 0; });
}

void Collector::change_sinks(const std::function<std::vector<SinkRunner*>()>& change) {
  const std::lock_guard lock(sinks_mutex_);
  sinks_ = change();
}

bool Collector::has_room(std::size_t records) const {
  const std::lock_guard lock(sinks_mutex_);
  const auto has_room = [records](const SinkRunner* sink) { return sink->has_room(records); };
  return sinks_.empty() || std::any_of(sinks_.begin(), sinks_.end(), has_room);
}

void Collector::hand_over() {
  if (batch_.empty()) return;
  const auto batch = std::make_shared<const std::vector<FlowRecord>>(finished_batch());
  Backoff backoff(kIdle);
  while (!has_room(batch->size())) backoff.wait();
  note_lag();
  const std::lock_guard lock(sinks_mutex_);
  for (SinkRunner* sink : sinks_) sink->enqueue(batch);
}

// Ends the batch. If few records are in it, it gets memory of its size, because thousands of such batches may wait in
// the queue of a sink.
std::vector<FlowRecord> Collector::finished_batch() {
  if (batch_.size() >= kBatchRecords) return std::exchange(batch_, {});
  std::vector<FlowRecord> exact(std::make_move_iterator(batch_.begin()), std::make_move_iterator(batch_.end()));
  batch_.clear();
  return exact;
}

// Adds the export lag of each record in the batch to a histogram: the time since the record was due. Reads the clock
// only once.
void Collector::note_lag() {
  if (due_ns_.empty()) return;
  const std::uint64_t now_ns = steady_time_ns();
  for (const std::uint64_t due_ns : due_ns_) {
    counters_.observe(HistogramId::kExportLag, now_ns - std::min(now_ns, due_ns));
  }
  due_ns_.clear();
}

}  // namespace spanflow

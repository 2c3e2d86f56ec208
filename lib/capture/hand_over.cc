#include "capture/hand_over.h"

#include <algorithm>
#include <limits>

namespace spanflow {
namespace {

constexpr std::size_t kHandedOverBlock = 64 * 1024;
// All lanes to one worker together hold about 1 MiB or more. At 10 Gbit/s, packets fill 1 MiB in about 800 us.
constexpr std::size_t kBlocksToWorker = 16;
constexpr std::size_t kLeastBlocksPerLane = 4;
constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();  // the time of a finished worker

}  // namespace

HandOver::HandOver(const OwnerWorkers& owner_workers, std::uint32_t workers, const Backoff::Steps& idle)
    : owner_workers_(owner_workers),
      workers_(workers),
      idle_(idle),
      lanes_(std::size_t{workers} * workers),
      has_left_(workers) {
  const std::size_t blocks = std::max(kLeastBlocksPerLane, kBlocksToWorker / (workers - 1));
  for (std::uint32_t from = 0; from < workers; ++from) {
    for (std::uint32_t to = 0; to < workers; ++to) {
      if (from != to) lanes_[from * workers + to] = std::make_unique<PacketLane>(blocks, kHandedOverBlock);
    }
  }
}

HandOver::~HandOver() = default;

std::unique_ptr<HandOverEnd> HandOver::make_end(std::uint32_t worker, PacketSource& source, Counters& counters) {
  return std::make_unique<HandOverEnd>(*this, worker, source, counters);
}

HandOverEnd::HandOverEnd(HandOver& hand_over, std::uint32_t worker, PacketSource& source, Counters& counters)
    : hand_over_(hand_over),
      worker_(worker),
      source_(source),
      counters_(counters),
      backoff_(hand_over.idle_),
      turn_(worker),
      unfinished_(hand_over.workers_),
      reached_ns_(hand_over.workers_) {}

Burst HandOverEnd::poll() {
  if (!own_ended_) pass_on();
  for (std::uint32_t tried = 0; tried < hand_over_.workers_; ++tried) {
    Burst burst = turn_ == worker_ ? poll_own() : poll_lane(turn_);
    turn_ = (turn_ + 1) % hand_over_.workers_;
    if (burst.packets.empty()) continue;
    backoff_.reset();
    burst.state = Burst::State::kPackets;
    burst.now_ns = reached_ns();
    return burst;
  }
  const bool ended = unfinished_ == 0;
  if (!ended) backoff_.wait();
  return {.state = ended ? Burst::State::kEnd : Burst::State::kIdle, .now_ns = reached_ns()};
}

// Called when this worker has taken in all packets of its previous burst. An idle worker gets its partly filled block
// now. A worker that is behind gets its block later, when the block is fuller. Every 10 ms, an idle worker gets a block
// even if the block is empty, because an empty block carries the time.
void HandOverEnd::pass_on() {
  constexpr std::uint64_t kTimeEveryNs = 10'000'000;
  passed_on_until_ns_ = reached_ns_[worker_];
  const bool time_due = passed_on_until_ns_ - time_passed_on_ns_ >= kTimeEveryNs;
  if (time_due) time_passed_on_ns_ = passed_on_until_ns_;
  for (std::uint32_t to = 0; to < hand_over_.workers_; ++to) {
    if (to == worker_) continue;
    PacketLane& lane = hand_over_.lane(worker_, to);
    if ((lane.has_packets() || time_due) && lane.consumer_waits()) lane.pass_on(passed_on_until_ns_);
  }
}

void HandOverEnd::send(std::uint32_t owner, const RawPacket& raw, LinkType link_type) {
  // The block gets the time of the previous burst, because some packets of this burst may still have to be handed over.
  const bool sent = hand_over_.lane(worker_, owner).append(raw, link_type, passed_on_until_ns_);
  counters_.add(sent ? Counter::kPacketsHandedOver : Counter::kPacketsReaderRingFull);
}

Burst HandOverEnd::poll_own() {
  if (own_ended_) return {};
  Burst burst = source_.poll();
  reached_ns_[worker_] = burst.now_ns;
  if (burst.state == Burst::State::kEnd) end_own();
  return burst;
}

void HandOverEnd::end_own() {
  for (std::uint32_t to = 0; to < hand_over_.workers_; ++to) {
    if (to != worker_) hand_over_.lane(worker_, to).pass_on(reached_ns_[worker_]);
  }
  hand_over_.leave(worker_);
  own_ended_ = true;
  finish(worker_);
}

Burst HandOverEnd::poll_lane(std::uint32_t from) {
  if (reached_ns_[from] == kNever) return {};
  // Read has_left() before the lane is polled: if has_left() is true, the lane already has all packets of `from`.
  const bool left = hand_over_.has_left(from);
  PacketLane& lane = hand_over_.lane(from, worker_);
  Burst burst = lane.poll();
  burst.handed_over = true;
  reached_ns_[from] = burst.now_ns;
  if (left && lane.was_empty()) finish(from);
  return burst;
}

// Called when the worker `from` sends no more packets. The time of `from` then no longer limits this worker's time.
void HandOverEnd::finish(std::uint32_t from) {
  end_ns_ = std::max(end_ns_, reached_ns_[from]);
  reached_ns_[from] = kNever;
  --unfinished_;
}

// Returns the backlog of the fullest queue or lane.
double HandOverEnd::backlog() const {
  double greatest = source_.backlog();
  for (std::uint32_t from = 0; from < hand_over_.workers_; ++from) {
    if (from != worker_) greatest = std::max(greatest, hand_over_.lane(from, worker_).backlog());
  }
  return greatest;
}

std::uint64_t HandOverEnd::reached_ns() {
  const std::uint64_t least = *std::min_element(reached_ns_.begin(), reached_ns_.end());
  now_ns_ = std::max(now_ns_, unfinished_ > 0 ? least : end_ns_);
  return now_ns_;
}

}  // namespace spanflow

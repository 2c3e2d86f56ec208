#include "capture/distributor.h"

#include <algorithm>
#include <chrono>
#include <functional>

#include "base/flow_hash.h"
#include "capture/backoff.h"

namespace spanflow {
namespace {

constexpr std::size_t kBlocksPerLane = 32;
constexpr std::size_t kDistributedBlock = 512 * 1024;
const PacketMemory kNoMemory;
constexpr std::chrono::microseconds kWaitForRoom{50};
constexpr Backoff::Microseconds kLongestSleep{4000};  // short enough: at 10 Gbit/s, packets fill a lane in 13 ms

}  // namespace

// The source that one worker polls.
class Distributor::LaneSource : public PreparedSource {
 public:
  LaneSource(Distributor& distributor, PacketLane& lane)
      : distributor_(distributor),
        lane_(lane),
        backoff_({.longest_sleep = distributor.busy_poll_ ? Backoff::Microseconds{0} : kLongestSleep}) {}

  Burst poll() override {
    // Read ended_ before the lane is polled: if ended_ is true, the lane already has all of its packets.
    const bool ended = distributor_.ended_;
    Burst burst = lane_.poll();
    if (!burst.packets.empty()) {
      backoff_.reset();
    } else if (ended && lane_.was_empty()) {
      burst.state = Burst::State::kEnd;
      burst.now_ns = std::max<std::uint64_t>(burst.now_ns, distributor_.end_ns_);
    } else {
      backoff_.wait();
    }
    return burst;
  }

  TimestampSource timestamp_source() const override { return distributor_.source_.timestamp_source(); }
  bool is_live() const override { return distributor_.source_.is_live(); }
  std::int64_t wall_lead_ns() const override { return distributor_.source_.wall_lead_ns(); }
  double backlog() const override { return lane_.backlog(); }

 private:
  Distributor& distributor_;
  PacketLane& lane_;
  Backoff backoff_;
};

Distributor::Distributor(const Config& config, PacketSource& source, const Decoder& decoder, Counters& counters)
    : busy_poll_(config.input.busy_poll),
      source_(source),
      counters_(counters),
      intake_(config, source, decoder, counters) {
  for (std::uint64_t i = 0; i < config.workers; ++i) {
    lanes_.push_back(std::make_unique<PacketLane>(kBlocksPerLane, kDistributedBlock));
  }
}

std::unique_ptr<PreparedSource> Distributor::make_source(std::uint32_t worker) {
  return std::make_unique<LaneSource>(*this, *lanes_[worker]);
}

void Distributor::start() { thread_.begin(); }

void Distributor::finish() {
  thread_.join();
  if (failure_ != nullptr) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Distributor::run() {
  try {
    source_.attach_thread();
    for (Burst burst; burst.state != Burst::State::kEnd;) {
      burst = source_.poll();
      counters_.add(Counter::kWorkerPolls);
      if (const auto adjustments = adjustments_.take()) intake_.set_filter(*adjustments);
      // Blocks that are passed on during this burst carry the time of the previous burst (now_ns_), because the lanes
      // have all packets up to burst.now_ns only at the end of this burst.
      burst_ = burst.packets;
      memory_ = source_.memory();
      intake_.take_burst(burst, *this);
      now_ns_ = std::max(now_ns_, intake_.passed_until(burst.now_ns));
      if (burst.state != Burst::State::kPackets) pass_on_idle();
      end_ns_ = burst.now_ns;
    }
  } catch (...) {
    failure_ = std::current_exception();
  }
  intake_.release_all(*this);
  pass_on_rest();
  ended_ = true;
}

void Distributor::accept(const RawPacket& raw, LinkType link_type) {
  // A held fragment, which is not in the burst, is not in the memory of the source.
  const bool is_in_burst = !std::less<>{}(&raw, burst_.data()) && std::less<>{}(&raw, burst_.data() + burst_.size());
  Accepted& accepted = accepted_[count_];
  accepted.raw = raw;
  accepted.link_type = link_type;
  accepted.is_in_memory = is_in_burst && memory_ != nullptr;
  if (packets_[count_].later_fragment) accepted.raw.transport = packets_[count_].transport();
  if (++count_ == packets_.size()) finish_accepted();
}

// A key is not hashed at once when its packet is decoded, see Meter::hash_all().
void Distributor::finish_accepted() {
  for (std::size_t i = 0; i < count_; ++i) {
    send(*lanes_[owner_worker(packets_[i].key, static_cast<std::uint32_t>(lanes_.size()))], accepted_[i]);
  }
  count_ = 0;
}

void Distributor::send(PacketLane& lane, const Accepted& accepted) {
  const PacketMemory& memory = accepted.is_in_memory ? memory_ : kNoMemory;
  while (!lane.append(accepted.raw, accepted.link_type, now_ns_, memory)) {
    if (source_.is_live()) return counters_.add(Counter::kPacketsReaderRingFull);
    std::this_thread::sleep_for(kWaitForRoom);
  }
}

// Called while no packets arrive. A worker that waits for packets gets its partly filled block now. A worker that is
// behind gets its block later, when the block is fuller. Every 10 ms, a waiting worker gets a block even if the block
// is empty: an empty block carries the time, so that a worker without packets can end its flows.
void Distributor::pass_on_idle() {
  constexpr std::uint64_t kTimeEveryNs = 10'000'000;
  const bool time_due = now_ns_ - time_passed_on_ns_ >= kTimeEveryNs;
  for (const auto& lane : lanes_) {
    if (lane->consumer_waits() && (lane->has_packets() || time_due)) lane->pass_on(now_ns_);
  }
  if (time_due) time_passed_on_ns_ = now_ns_;
}

void Distributor::pass_on_rest() {
  for (const auto& lane : lanes_) lane->pass_on(now_ns_);
}

}  // namespace spanflow

#include "flow/meter.h"

#include <algorithm>
#include <utility>

#include "base/intern.h"
#include "base/random_seed.h"

namespace spanflow {
namespace {

// Greatest number of flows that a sweep ends per burst. It is twice the number of flows that a burst can open, so that
// expiry keeps up.
constexpr int kSweepBudget = 2 * kBurstPackets;

RecordOrigin origin_of(const Config& config, std::uint16_t worker, const PacketSource& source) {
  return {.sensor_id = intern(config.sensor_id),
          .worker = worker,
          .timestamp_source = source.timestamp_source(),
          .community_id_seed = static_cast<std::uint16_t>(config.output.community_id_seed)};
}

}  // namespace

Meter::Meter(const Config& config, std::uint16_t worker, const IntakeInput& input, const Decoder& decoder,
             ExportRing& ring, const MetricSet& metrics, NameCache* names, Counters& counters)
    : source_(input.source),
      counters_(counters),
      intake_(config, input, decoder, counters),
      writer_(ring, !source_.is_live()),
      tools_(config, names, counters),
      cache_(config, random_seed(), origin_of(config, worker, source_), tools_, metrics, writer_, counters),
      conditions_(metrics.conditions()),
      max_delay_(config.output.max_delay) {
  if (source_.is_live() && config.overload.enabled) overload_.emplace(config.overload.max_sampling);
}

void Meter::run() {
  try {
    source_.attach_thread();
    if (source_.is_live()) busy_.emplace(tsc_hertz(), tsc_now());
    for (Burst burst; burst.state != Burst::State::kEnd;) {
      burst = source_.poll();
      counters_.add(Counter::kWorkerPolls);
      if (const auto adjustments = adjustments_.take()) take_over(*adjustments);
      now_ns_ = burst.now_ns;
      cache_.set_wall_lead(source_.wall_lead_ns());
      if (overload_) shed_load();
      intake_.take_burst(burst, *this);
      const bool ended_flows = cache_.sweep(sweep_time(), kSweepBudget);
      cache_.end_burst();
      pass_on_records(burst);
      if (busy_) note_busy(ended_flows || burst.state == Burst::State::kPackets);
    }
  } catch (...) {
    failure_ = std::current_exception();
  }
  writer_.wait_from_now_on();
  end_all();
  cache_.end_burst();
  writer_.flush();
}

// Returns the time up to which flows can end: no later packet of theirs is older.
std::uint64_t Meter::sweep_time() const {
  const std::uint64_t passed_ns = intake_.passed_until(now_ns_);
  return source_.is_live() ? passed_ns : passed_ns - std::min(passed_ns, FlowCache::kSweepDelayNs);
}

void Meter::take_over(const Adjustments& adjustments) {
  intake_.set_filter(adjustments);
  cache_.set_timeouts(adjustments);
  max_delay_ = adjustments.max_delay;
}

// Leaves out more or less work, depending on the load, so that an overloaded worker loses fewer packets.
void Meter::shed_load() {
  const OverloadLevel before = overload_->level();
  const std::uint8_t sampling_before = overload_->sampling_shift();
  if (!overload_->observe(now_ns_, std::max(source_.backlog(), writer_.backlog()))) return;
  cache_.relieve(*overload_);
  counters_.set(Counter::kOverloadLevel, static_cast<std::uint64_t>(overload_->level()));
  if (overload_->level() > before || overload_->sampling_shift() > sampling_before) {
    counters_.add(Counter::kOverloadRaised);
  }
}

// Ends a pass of the loop in run(). A pass that found no packets and ended no flows was idle: it only polled empty
// queues.
void Meter::note_busy(bool was_busy) {
  busy_->end_pass(tsc_now(), was_busy);
  if (was_busy) counters_.set(Counter::kWorkerBusy, busy_->ns());
}

void Meter::accept(const RawPacket& raw, LinkType link_type) {
  const Packet& packet = packets_[count_];
  octets_ += packet.size;
  if (!conditions_.empty()) [[unlikely]]
    match_conditions(raw, link_type);
  if (packet.later_fragment || packet.sliced || packet.odd_ether_type) [[unlikely]]
    count_oddities(packet);
  if (++count_ == packets_.size()) add_to_flows();
}

// This function and the next one are not inlined, because most packets do not need them, and all packets would pay for
// saving the registers that they use.
[[gnu::noinline]] void Meter::match_conditions(const RawPacket& raw, LinkType link_type) {
  packets_[count_].conditions = conditions_.matches(raw, link_type);
}

[[gnu::noinline]] void Meter::count_oddities(const Packet& packet) {
  counters_.add(Counter::kPacketsLaterFragments, packet.later_fragment ? 1 : 0);
  counters_.add(Counter::kPacketsSliced, packet.sliced ? 1 : 0);
  counters_.add(Counter::kPacketsOddEtherType, packet.odd_ether_type ? 1 : 0);
}

// Hashes the packets, and fetches the slots of their flows. Consecutive packets of one flow are hashed and looked up
// only once. A key is not hashed at once when its packet is decoded, because the CPU delays the load of a word until
// the stores of its parts are done.
void Meter::hash_all() {
  const FlowTable& table = cache_.table();
  std::uint64_t sum = 0;
  std::uint32_t hash = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const FlowKey& key = packets_[i].key;
    const std::uint64_t sum_before = std::exchange(sum, symmetric_sum(key));
    const auto after = i > 0 && sum == sum_before ? match(packets_[i - 1].key, key) : std::nullopt;
    if (!after) {
      hash = table.hash(key);
      table.prefetch_slot(hash);
    }
    // The members are set one by one: the CPU would delay the copy of a whole struct until its parts are stored.
    lookups_[i].hash = hash;
    lookups_[i].after = after;
  }
}

// Fetches the flow of packet `i`, if there is this packet.
void Meter::prefetch(std::size_t i) {
  if (i < count_ && !lookups_[i].after) cache_.prefetch(lookups_[i]);
}

void Meter::add_to_flows() {
  constexpr std::size_t kAhead = 8;  // about as many packets as are added while memory answers
  counters_.add(Counter::kPacketsReceived, count_);
  counters_.add(Counter::kPacketsMetered, count_);
  counters_.add(Counter::kOctetsMetered, std::exchange(octets_, 0));
  hash_all();
  for (std::size_t i = 0; i < kAhead; ++i) prefetch(i);
  for (std::size_t i = 0; i < count_; ++i) {
    prefetch(i + kAhead);
    if (!cache_.add(packets_[i], lookups_[i])) [[unlikely]]
      leave_out(packets_[i]);
  }
  count_ = 0;
}

// Counts the packet as sampled out, and subtracts it from the counters of metered packets.
void Meter::leave_out(const Packet& packet) {
  counters_.add(Counter::kIgnoredSampledOut);
  counters_.subtract(Counter::kPacketsMetered);
  counters_.subtract(Counter::kPacketsLaterFragments, packet.later_fragment ? 1 : 0);
  counters_.subtract(Counter::kPacketsSliced, packet.sliced ? 1 : 0);
  counters_.subtract(Counter::kPacketsOddEtherType, packet.odd_ether_type ? 1 : 0);
  counters_.subtract(Counter::kOctetsMetered, packet.size);
}

// Meters the held fragments, then ends all flows. Later packets may have any time.
void Meter::end_all() {
  intake_.release_all(*this);
  cache_.end_all(now_ns_);
}

// Passes the unfinished block of records to the collector when the block is due. A record of a live run waits at most
// output.max_delay. A record from a pipe waits at most until the pipe is idle. Records of a capture file leave only in
// full blocks.
void Meter::pass_on_records(const Burst& burst) {
  if (!writer_.has_unflushed()) {
    passed_on_ns_ = now_ns_;
    return;
  }
  const bool quiet_pipe = !source_.is_live() && burst.state == Burst::State::kIdle;
  const bool late = source_.is_live() && now_ns_ - passed_on_ns_ >= static_cast<std::uint64_t>(max_delay_.count());
  if (!quiet_pipe && !late) return;
  writer_.flush();
  passed_on_ns_ = now_ns_;
}

}  // namespace spanflow

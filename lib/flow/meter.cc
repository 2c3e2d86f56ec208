#include "flow/meter.h"

#include <algorithm>
#include <random>

#include "base/intern.h"

namespace spanflow {
namespace {

// Flows that may end per burst beside those its packets end: twice what a burst can open, so that expiry keeps up.
constexpr int kSweepBudget = 2 * kBurstPackets;

std::uint64_t random_seed() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

std::optional<Classifier> make_classifier(const Config& config, Counters& counters) {
  if (!config.dpi.enabled) return std::nullopt;
  return std::optional<Classifier>{std::in_place, config.dpi, config.workers, counters};
}

RecordOrigin origin_of(const Config& config, std::uint16_t worker, const PacketSource& source) {
  return {.sensor_id = intern(config.sensor_id),
          .worker = worker,
          .timestamp_source = source.timestamp_source(),
          .community_id_seed = static_cast<std::uint16_t>(config.output.community_id_seed)};
}

}  // namespace

Meter::Meter(const Config& config, std::uint16_t worker, PacketSource& source, const Decoder& decoder, ExportRing& ring,
             const MetricSet& metrics, Counters& counters)
    : config_(config),
      source_(source),
      decoder_(decoder),
      counters_(counters),
      writer_(ring, !source.is_live()),
      classifier_(make_classifier(config, counters)),
      cache_(config, random_seed(), origin_of(config, worker, source), classifier_ ? &*classifier_ : nullptr, metrics,
             writer_, counters),
      conditions_(metrics.conditions()) {}

void Meter::run() {
  try {
    source_.attach_thread();
    for (Burst burst; burst.state != Burst::State::kEnd;) {
      burst = source_.poll();
      if (burst.time_restarts) cache_.end_all(now_ns_);
      now_ns_ = burst.now_ns;
      meter(burst);
      cache_.sweep(now_ns_, kSweepBudget);
      pass_on_records(burst);
    }
  } catch (...) {
    failure_ = std::current_exception();
  }
  cache_.end_all(now_ns_);
  writer_.flush();
}

// Each step over the whole burst, so that the memory one packet waits for is fetched while others are worked on.
void Meter::meter(const Burst& burst) {
  const std::size_t count = decode(burst);
  FlowTable& table = cache_.table();
  for (std::size_t i = 0; i < count; ++i) {
    hashes_[i] = table.hash(packets_[i].key);
    table.prefetch_slot(hashes_[i]);
  }
  for (std::size_t i = 0; i < count; ++i) cache_.prefetch(hashes_[i]);
  for (std::size_t i = 0; i < count; ++i) cache_.add(packets_[i], hashes_[i]);
}

// Fills packets_ with those that can be metered and counts the others; returns how many there are.
std::size_t Meter::decode(const Burst& burst) {
  const Filter* filter = burst.packets.empty() ? nullptr : filter_for(burst.link_type);
  const bool has_conditions = !burst.packets.empty() && !conditions_.empty();
  if (has_conditions) conditions_.use(burst.link_type);
  counters_.add(Counter::kPacketsReceived, burst.packets.size());
  std::size_t count = 0;
  std::uint64_t octets = 0;
  for (const RawPacket& raw : burst.packets) {
    if (raw.wire > source_.greatest_frame()) counters_.add(Counter::kPacketsOverMtu);
    if (filter != nullptr && !filter->matches(raw)) {
      counters_.add(Counter::kIgnoredFiltered);
      continue;
    }
    Packet& packet = packets_[count];
    const Counter outcome = decoder_.decode(raw, burst.link_type, packet);
    if (outcome != Counter::kPacketsMetered) {
      counters_.add(outcome);
      continue;
    }
    if (packet.later_fragment) counters_.add(Counter::kPacketsLaterFragments);
    if (packet.sliced) counters_.add(Counter::kPacketsSliced);
    if (has_conditions) packet.conditions = conditions_.matches(raw);
    octets += packet.size;
    ++count;
  }
  counters_.add(Counter::kPacketsMetered, count);
  counters_.add(Counter::kOctetsMetered, octets);
  return count;
}

const Filter* Meter::filter_for(LinkType link_type) {
  if (config_.input.filter.empty()) return nullptr;
  const auto known = filters_.find(link_type);
  if (known != filters_.end()) return &known->second;
  return &filters_.emplace(link_type, Filter{config_.input.filter, link_type, "input.filter"}).first->second;
}

// A file's records go on in full blocks. Live, and when a pipe is quiet, a record does not wait longer than
// output.max_delay.
void Meter::pass_on_records(const Burst& burst) {
  if (!writer_.has_unflushed()) {
    passed_on_ns_ = now_ns_;
    return;
  }
  const bool quiet_pipe = !source_.is_live() && burst.state == Burst::State::kIdle;
  const bool late =
      source_.is_live() && now_ns_ - passed_on_ns_ >= static_cast<std::uint64_t>(config_.output.max_delay.count());
  if (!quiet_pipe && !late) return;
  writer_.flush();
  passed_on_ns_ = now_ns_;
}

}  // namespace spanflow

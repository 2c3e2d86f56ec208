#include "metered.h"

#include <map>

#include "base/error.h"
#include "capture/filter.h"
#include "require.h"
#include "sinks/field_selection.h"
#include "support/ledgers.h"

namespace spanflow::fuzz {
namespace {

using namespace std::chrono_literals;

// Blocks for the records between two bursts, and for those at the end.
constexpr std::size_t kBlocks = 8;
constexpr const char* kFilter = "tcp[13] & 2 != 0";

void use_all_features(Config& config) {
  config.features.statistics = config.features.tcp = config.features.millisecond_gaps = true;
  config.features.splt = 8;
  config.metrics = {{.name = "mean_size", .aggregate = "mean", .quantity = "size"},
                    {.name = "syns", .aggregate = "count", .quantity = "packets", .when = kFilter}};
}

// libpcap cannot filter every link type. A metric with a filter then ends the run.
bool has_filters(LinkType type) {
  static std::map<LinkType, bool> known;
  const auto [row, is_new] = known.try_emplace(type, true);
  if (!is_new) return row->second;
  try {
    Filter(kFilter, type, "metrics.when");
  } catch (const RunError&) {
    row->second = false;
  }
  return row->second;
}

void use_short_timeouts(Config& config) {
  config.flow.active_timeout = 3s;
  config.flow.inactive_timeout = 1s;
  config.flow.tcp_linger = 100ms;
  config.decode.fragment_timeout = 1s;
}

}  // namespace

Config meter_config(unsigned variant) {
  Config config;
  config.dpi.enabled = false;
  config.flow.capacity = 64;
  config.decode.fragments = 16;
  config.features.names_memory = 1 << 20;
  if (variant == 1) {
    use_all_features(config);
    config.flow.capacity = 8;
    config.flow.direction = FlowDirection::kHandshake;
  } else if (variant == 2) {
    use_short_timeouts(config);
    config.decode.deduplicate = 1ms;
    config.features.splt = 255;
  } else if (variant == 3) {
    use_short_timeouts(config);
    config.flow.vlan_key = VlanKey::kBoth;
    config.flow.accounting = Accounting::kPayload;
    config.flow.tcp_close = false;
    config.flow.segments = false;
    config.decode.tunnels = TunnelSet::none();
    use_all_features(config);
  }
  return config;
}

void Metered::Source::begin(const SequenceHead& head, std::span<RawPacket> packets) {
  constexpr std::array<std::size_t, 4> kBursts = {1, 3, 16, kBurstPackets};
  left_ = packets;
  link_type_ = head.link_type;
  burst_ = kBursts[head.variant / 16 % kBursts.size()];
  backlog_ = head.variant / 64 / 3.0;
  clock_ = {};
}

// Drains the ring first, because the worker waits for room in it.
Burst Metered::Source::poll() {
  metered_.drain();
  if (left_.empty()) return {.state = Burst::State::kEnd, .now_ns = clock_.end_ns()};
  const auto packets = left_.first(std::min(burst_, left_.size()));
  left_ = left_.subspan(packets.size());
  for (RawPacket& packet : packets) {
    packet.behind_ns = static_cast<std::int64_t>(clock_.advance(packet.time_ns) - packet.time_ns);
  }
  return {.state = Burst::State::kPackets, .packets = packets, .link_type = link_type_, .now_ns = clock_.now_ns()};
}

Metered::Metered(Config config, bool live)
    : config_(std::move(config)),
      decoder_(config_.decode.tunnels, config_.flow.vlan_key),
      metrics_(config_.metrics, {}),
      source_(*this, live),
      ring_(kBlocks, Features::give_extras(config_), metrics_.record_cells()),
      meter_(config_, 0, source_, decoder_, ring_, metrics_, config_.correlates_names() ? &names_ : nullptr, counters_),
      fields_(select_fields(config_.output.fields, config_)) {}

void Metered::run(const SequenceHead& head, std::span<RawPacket> packets) {
  if (!config_.metrics.empty() && !has_filters(head.link_type)) return;
  source_.begin(head, packets);
  const std::uint64_t received = counters_.get(Counter::kPacketsReceived);
  meter_.run();
  if (meter_.failure()) std::rethrow_exception(meter_.failure());
  drain();
  require(counters_.get(Counter::kPacketsReceived) - received == packets.size(), "every packet is received once");
  check();
}

void Metered::drain() {
  while (RecordBlock* block = ring_.pop()) {
    take(*block);
    ring_.give_back(block);
  }
}

void Metered::take(const RecordBlock& block) {
  for (std::size_t i = 0; i < block.count; ++i) {
    const FlowRecord& record = block.records[i];
    ++records_;
    packets_ += record.src_to_dst.pkts + record.dst_to_src.pkts;
    octets_ += record.src_to_dst.link_bytes + record.dst_to_src.link_bytes;
    require(record.start_ns <= record.end_ns, "a flow does not end before it starts");
    require(record.src_to_dst.pkts + record.dst_to_src.pkts > 0, "a record has packets");
    text_.clear();
    append_json(TextWriter(text_), record, fields_).finish();
  }
}

void Metered::check() const {
  using testing::flows_balance;
  using testing::packets_balance;
  require(packets_balance(counters_), "packets received = metered + ignored + malformed");
  require(flows_balance(counters_), "flows opened = open + exported");
  require(counters_.get(Counter::kFlowsOpen) == 0, "no flow is open after the end");
  require(counters_.get(Counter::kRecordsExported) == records_, "all records are in the ring");
  require(counters_.get(Counter::kPacketsMetered) == packets_, "the packets of the records are the metered ones");
  require(counters_.get(Counter::kOctetsMetered) == octets_, "the octets of the records are the metered ones");
}

}  // namespace spanflow::fuzz

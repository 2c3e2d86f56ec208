#include "support/flow_harness.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "base/intern.h"
#include "support/ledgers.h"

namespace spanflow::testing {
namespace {

constexpr std::uint64_t kHashSeed = 0x1234'5678'9abc'def0;

std::uint64_t count(std::chrono::nanoseconds time) { return static_cast<std::uint64_t>(time.count()); }

Config with(Config config, const FlowHarness::Options& options) {
  config.dpi.max_flows = options.dpi_states;
  config.dpi.enabled = options.dpi;
  config.features.names = options.names;
  return config;
}

}  // namespace

FlowHarness::FlowHarness(Config config, const Options& options)
    : config_(with(std::move(config), options)),
      decoder_(config_.decode.tunnels, config_.flow.vlan_key),
      metrics_(config_.metrics, options.callbacks, options.observer),
      conditions_(metrics_.conditions()),
      ring_(options.blocks, Features::give_extras(config_), metrics_.record_cells()),
      writer_(ring_, options.wait),
      tools_(config_, config_.correlates_names() ? &names_ : nullptr, counters_) {
  const RecordOrigin origin{.sensor_id = intern(config_.sensor_id),
                            .worker = options.worker,
                            .timestamp_source = options.timestamp_source,
                            .community_id_seed = static_cast<std::uint16_t>(config_.output.community_id_seed)};
  cache_ = std::make_unique<FlowCache>(config_, kHashSeed, origin, tools_, metrics_, writer_, counters_);
}

Packet FlowHarness::add(const TestPacket& packet) {
  Packet decoded;
  RawPacket raw = packet.raw();
  if (!packet.behind_ns) {
    if (clock_.now_ns() == 0) clock_.advance(raw.time_ns);  // the next call confirms this time
    raw.behind_ns = static_cast<std::int64_t>(clock_.advance(raw.time_ns) - raw.time_ns);
  }
  const Counter outcome = decoder_.decode(raw, packet.link_type, decoded);
  if (outcome != Counter::kPacketsMetered) throw std::invalid_argument(std::string(info(outcome).name));
  if (packet.transport.known) decoded.take(packet.transport);
  decoded.conditions = conditions_.matches(packet.raw(), packet.link_type);
  newest_ns_ = std::max(newest_ns_, packet.time_ns);
  cache_->add(decoded, {.hash = cache_->table().hash(decoded.key)});
  return decoded;
}

void FlowHarness::sweep(std::chrono::nanoseconds now, int budget) { cache_->sweep(count(now), budget); }

void FlowHarness::end() { cache_->end_all(newest_ns_); }

void FlowHarness::end(std::chrono::nanoseconds now) { cache_->end_all(count(now)); }

void FlowHarness::set_timeouts(Nanoseconds active, Nanoseconds inactive) {
  cache_->set_timeouts({.active_timeout = active, .inactive_timeout = inactive, .tcp_linger = config_.flow.tcp_linger});
}

void FlowHarness::fall_behind(int steps) {
  Overload overload(config_.overload.max_sampling);
  for (std::uint64_t step = 0; step <= static_cast<std::uint64_t>(steps); ++step) {
    overload.observe(1 + step * Overload::kUpAfterNs, 1);
  }
  cache_->relieve(overload);
}

std::vector<FlowRecord> FlowHarness::take_records() {
  writer_.flush();
  std::vector<FlowRecord> records;
  due_ns_.clear();
  while (RecordBlock* block = ring_.pop()) {
    records.insert(records.end(), block->records.begin(),
                   block->records.begin() + static_cast<std::ptrdiff_t>(block->count));
    due_ns_.insert(due_ns_.end(), block->due_ns.begin(),
                   block->due_ns.begin() + static_cast<std::ptrdiff_t>(block->count));
    ring_.give_back(block);
  }
  return records;
}

std::vector<FlowRecord> FlowHarness::finish() {
  end();
  return take_records();
}

bool FlowHarness::ledgers_balance() const { return flows_balance(counters_); }

std::string line_of(FlowRecord record) {
  record.worker = 0;
  record.sequence = 0;
  std::ostringstream line;
  line << record;
  return line.str();
}

std::vector<std::string> sorted_lines(const std::vector<FlowRecord>& records) {
  std::vector<std::string> lines;
  for (const FlowRecord& record : records) lines.push_back(line_of(record));
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace spanflow::testing

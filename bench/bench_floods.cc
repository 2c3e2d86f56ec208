// Floods one worker with hostile packets, and compares 1,000 conversations beside the flood with the same ones alone.
// Prints one JSON object.
#include <fmt/format.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>

#include "conversations.h"
#include "export/collector.h"
#include "flood_kinds.h"
#include "flow/meter.h"
#include "guarded.h"
#include "measures.h"
#include "options/loader.h"

namespace spanflow::bench {
namespace {

constexpr std::uint64_t kStartNs = 1'700'000'000'000'000'000;
constexpr std::uint64_t kGapNs = 20'000'000;  // between two packets of a conversation: a round-trip time
constexpr std::size_t kMostPackets = 50;      // of a conversation
constexpr std::uint64_t kAheadNs =
    1'000'000'000;  // the flood begins before the first conversation, and ends after the last
constexpr std::uint32_t kClients = 0x0a000000;
constexpr std::uint32_t kServers = 0xac100000;

struct Plan {
  std::string flood = "syn";
  double seconds = 5;  // of packet time
  double scale = 1;    // factor for the flood's packets per second
  std::uint64_t conversations = 1000;
  std::uint64_t seed = 1;
  std::vector<std::string> captures;
  std::vector<std::string> settings;
};

std::uint64_t mixed(std::uint64_t number) {
  number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
  number = (number ^ number >> 27) * 0x94d049bb133111eb;
  return number ^ number >> 31;
}

// One packet of a conversation, in the order of time.
struct Step {
  std::uint64_t time_ns;
  std::uint32_t conversation;
  const Frame* frame;
};

// Packets of the flood at a constant rate, and between them those of the conversations. Notes the CPU time that the
// worker took between two calls of poll().
class FloodSource : public PacketSource {
 public:
  FloodSource(const Plan& plan, const Flood* flood, const std::vector<Conversation>& conversations)
      : flood_(flood), seed_(plan.seed), end_ns_(kStartNs + static_cast<std::uint64_t>(plan.seconds * 1e9)) {
    if (flood_ != nullptr) {
      frames_ = flood_->frames();
      interval_ns_ = static_cast<std::uint64_t>(1e9 / (static_cast<double>(flood_->packets_per_s) * plan.scale));
    }
    schedule(plan, conversations);
    for (std::vector<std::uint8_t>& octets : octets_) octets.resize(kRoom);
  }

  Burst poll() override {
    note_pause();
    std::size_t count = 0;
    while (count < burst_.size() && add_next(count)) ++count;
    polled_s_ = thread_seconds();
    if (count == 0) return {.state = Burst::State::kEnd, .now_ns = now_ns_};
    return {.state = Burst::State::kPackets, .packets = {burst_.data(), count}, .now_ns = now_ns_};
  }
  TimestampSource timestamp_source() const override { return TimestampSource::kFile; }
  bool is_live() const override { return false; }

  std::uint64_t flood_packets() const { return flooded_; }
  std::uint64_t packets() const { return flooded_ + next_step_; }
  double worker_seconds() const { return worker_s_; }
  double longest_pause_seconds() const { return longest_s_; }

 private:
  static constexpr std::size_t kRoom = 2048;

  static double thread_seconds() { return seconds(CLOCK_THREAD_CPUTIME_ID); }

  // Conversations begin one after the other over the time of the flood, each with its own addresses.
  void schedule(const Plan& plan, const std::vector<Conversation>& conversations) {
    std::size_t longest = 0;
    for (const Conversation& each : conversations)
      longest = std::max(longest, std::min(kMostPackets, each.frames.size()));
    const std::uint64_t span = end_ns_ - kStartNs;
    const std::uint64_t needed = 2 * kAheadNs + longest * kGapNs;
    if (span <= needed) throw std::invalid_argument(fmt::format("expected more than {} ms", needed / 1'000'000));
    for (std::uint32_t number = 0; number < plan.conversations; ++number) {
      const std::uint64_t begin = kStartNs + kAheadNs + (span - needed) * number / plan.conversations;
      const std::vector<Frame>& frames = conversations[number % conversations.size()].frames;
      for (std::size_t at = 0; at < std::min(kMostPackets, frames.size()); ++at)
        steps_.push_back({begin + at * kGapNs, number, &frames[at]});
    }
    std::ranges::stable_sort(steps_, {}, &Step::time_ns);
  }

  // The first poll() has no pass of the worker before it.
  void note_pause() {
    if (polled_s_ == 0) return;
    const double pause = thread_seconds() - polled_s_;
    worker_s_ += pause;
    longest_s_ = std::max(longest_s_, pause);
  }

  bool add_next(std::size_t place) {
    const std::uint64_t flood_ns = flood_ == nullptr ? end_ns_ : kStartNs + flooded_ * interval_ns_;
    const std::uint64_t step_ns = next_step_ < steps_.size() ? steps_[next_step_].time_ns : end_ns_;
    if (std::min(flood_ns, step_ns) >= end_ns_) return false;
    step_ns <= flood_ns ? add_step(place) : add_flood(place, flood_ns);
    return true;
  }

  void add_step(std::size_t place) {
    const Step& step = steps_[next_step_++];
    std::uint8_t* octets = add(place, step.frame->octets, step.frame->wire, step.time_ns);
    put_address(octets + step.frame->client_at, kClients + step.conversation);
    put_address(octets + step.frame->server_at, kServers + step.conversation);
  }

  void add_flood(std::size_t place, std::uint64_t time_ns) {
    const std::vector<std::uint8_t>& frame = frames_[flooded_ % frames_.size()];
    std::uint8_t* octets = add(place, frame, static_cast<std::uint32_t>(frame.size()), time_ns);
    flood_->alter({octets, frame.size()}, flooded_, mixed(seed_ << 40 ^ flooded_));
    ++flooded_;
  }

  std::uint8_t* add(std::size_t place, const std::vector<std::uint8_t>& frame, std::uint32_t wire,
                    std::uint64_t time_ns) {
    if (frame.size() > kRoom) throw std::logic_error("a frame has no room");
    std::memcpy(octets_[place].data(), frame.data(), frame.size());
    burst_[place] = {.data = octets_[place].data(),
                     .captured = static_cast<std::uint32_t>(frame.size()),
                     .wire = wire,
                     .time_ns = time_ns};
    now_ns_ = time_ns;
    return octets_[place].data();
  }

  static void put_address(std::uint8_t* at, std::uint32_t address) {
    const std::uint32_t big_endian = __builtin_bswap32(address);
    std::memcpy(at, &big_endian, sizeof big_endian);
  }

  const Flood* flood_;
  const std::uint64_t seed_;
  const std::uint64_t end_ns_;
  std::uint64_t interval_ns_ = 0;
  std::vector<std::vector<std::uint8_t>> frames_;
  std::vector<Step> steps_;
  std::array<std::vector<std::uint8_t>, kBurstPackets> octets_;
  std::array<RawPacket, kBurstPackets> burst_;
  std::uint64_t flooded_ = 0;
  std::size_t next_step_ = 0;
  std::uint64_t now_ns_ = kStartNs;
  double polled_s_ = 0;
  double worker_s_ = 0;
  double longest_s_ = 0;
};

// What the records of one conversation say together.
struct Seen {
  std::uint64_t packets = 0;
  std::uint64_t octets = 0;
  std::uint64_t records = 0;
  std::string label;  // of the last record
  std::string name;   // the first name that a record has
};
using SeenFlows = std::map<std::array<std::uint32_t, 4>, Seen>;  // by the numbers of client and server, and the ports

std::uint32_t last_octets(const IpAddress& address, unsigned version) {
  std::uint32_t octets = 0;
  std::memcpy(&octets, &address.bytes[version == 4 ? 0 : 12], sizeof octets);
  return __builtin_bswap32(octets);
}

// Keeps what the conversations' records say; counts the others.
class ConversationSink : public Sink {
 public:
  ConversationSink(SeenFlows& seen, std::uint64_t conversations) : seen_(seen), conversations_(conversations) {}
  void write(std::span<const FlowRecord> records) override {
    for (const FlowRecord& record : records) keep(record);
  }
  void flush() override {}

 private:
  void keep(const FlowRecord& record) {
    std::array<std::uint32_t, 4> key = {last_octets(record.ip_src, record.ip_version), record.src_port,
                                        last_octets(record.ip_dst, record.ip_version), record.dst_port};
    if (key[0] >= kServers && key[0] < kServers + conversations_) key = {key[2], key[3], key[0], key[1]};
    if (key[0] - kClients >= conversations_ || key[2] - kServers != key[0] - kClients) return;
    Seen& seen = seen_[key];
    ++seen.records;
    seen.packets += record.src_to_dst.pkts + record.dst_to_src.pkts;
    seen.octets += record.src_to_dst.link_bytes + record.dst_to_src.link_bytes;
    seen.label = record.application_name;
    if (!record.extras || !seen.name.empty()) return;
    for (const Metadata key_of_name :
         {Metadata::kTlsServerName, Metadata::kHttpHost, Metadata::kDnsQuery, Metadata::kSshClient}) {
      if (seen.name.empty()) seen.name = record.extras->metadata.text(key_of_name);
    }
  }

  SeenFlows& seen_;
  const std::uint64_t conversations_;
};

struct Outcome {
  SeenFlows seen;
  CounterValues counters;
  std::uint64_t flood_packets = 0;
  std::uint64_t packets = 0;
  double worker_s = 0;
  double longest_pause_s = 0;
};

Config config_for(const Plan& plan) {
  Config config;
  const std::string_view aim = flood_named(plan.flood).setting;
  if (!aim.empty()) apply_setting(std::string(aim), config);
  for (const std::string& setting : plan.settings) apply_setting(setting, config);
  config.workers = 1;
  return config;
}

Outcome meter(const Plan& plan, const Flood* flood, const std::vector<Conversation>& conversations) {
  const Config config = config_for(plan);
  const Decoder decoder(config.decode.tunnels, config.flow.vlan_key);
  const MetricSet metrics(config.metrics, {});
  Counters counters;
  Counters collected;
  Outcome outcome;
  FloodSource source(plan, flood, conversations);
  ExportRing ring(kExportRingBlocks, Features::give_extras(config), metrics.record_cells());
  const std::atomic<bool> abandon{false};
  SinkRunner runner("conversations", std::make_unique<ConversationSink>(outcome.seen, plan.conversations), 65'536, true,
                    abandon);
  Collector collector({&ring}, {&runner}, collected);
  NameCache names(config.features.dns_names, 1);
  Meter meter(config, 0, source, decoder, ring, metrics, &names, counters);
  runner.start();
  collector.start();
  meter.run();
  collector.finish();
  runner.finish();
  if (meter.failure() != nullptr) std::rethrow_exception(meter.failure());
  outcome.counters = counters.values();
  outcome.flood_packets = source.flood_packets();
  outcome.packets = source.packets();
  outcome.worker_s = source.worker_seconds();
  outcome.longest_pause_s = source.longest_pause_seconds();
  return outcome;
}

// How many conversations differ from those without a flood.
struct Losses {
  std::uint64_t missing = 0;  // conversations without any record
  std::uint64_t packets = 0;  // packets that no record has
  std::uint64_t octets = 0;   // conversations with other octets
  std::uint64_t split = 0;    // conversations in more records
  std::uint64_t labels = 0;   // conversations with another label
  std::uint64_t names = 0;    // conversations with another name, or none
};

Losses losses(const SeenFlows& alone, const SeenFlows& flooded) {
  Losses lost;
  for (const auto& [key, expected] : alone) {
    const auto found = flooded.find(key);
    const Seen seen = found == flooded.end() ? Seen{} : found->second;
    lost.missing += found == flooded.end() ? 1 : 0;
    lost.packets += expected.packets - std::min(expected.packets, seen.packets);
    lost.octets += expected.octets != seen.octets ? 1 : 0;
    lost.split += seen.records > expected.records ? 1 : 0;
    lost.labels += expected.label != seen.label ? 1 : 0;
    lost.names += expected.name != seen.name ? 1 : 0;
  }
  return lost;
}

void print(const Plan& plan, const Flood& flood, const Outcome& alone, const Outcome& flooded, double calm_mb) {
  const Losses lost = losses(alone.seen, flooded.seen);
  std::uint64_t named = 0;
  std::uint64_t packets = 0;
  for (const auto& [key, seen] : alone.seen) {
    named += seen.name.empty() ? 0 : 1;
    packets += seen.packets;
  }
  const auto count = [&](Counter counter) { return value_of(flooded.counters, counter); };
  fmt::print(
      "{{\"flood\": \"{}\", \"offered_per_s\": {:.0f}, \"worker_per_s\": {:.0f}, \"worker_ns\": {:.0f}, \"packets\": "
      "{}, "
      "\"metered\": {}, \"calm_mb\": {:.1f}, \"resident_mb\": {:.1f}, \"longest_pause_ms\": {:.3f}, \"records\": {}, "
      "\"evicted\": {}, \"dpi_pool_full\": {}, \"inspect_pool_full\": {}, \"memory_full\": {}, \"conversations\": {}, "
      "\"conversation_packets\": {}, \"named\": {}, \"missing\": {}, \"lost_packets\": {}, \"other_octets\": {}, "
      "\"split\": {}, \"other_labels\": {}, \"other_names\": {}}}\n",
      flood.name, static_cast<double>(flooded.packets) / plan.seconds,
      static_cast<double>(flooded.packets) / flooded.worker_s,
      flooded.worker_s * 1e9 / static_cast<double>(flooded.packets), flooded.packets, count(Counter::kPacketsMetered),
      calm_mb, greatest_resident_mb(), flooded.longest_pause_s * 1e3, count(Counter::kRecordsExported),
      count(Counter::kExportedEvicted), count(Counter::kDpiPoolFull), count(Counter::kInspectPoolFull),
      count(Counter::kInspectMemoryFull), alone.seen.size(), packets, named, lost.missing, lost.packets, lost.octets,
      lost.split, lost.labels, lost.names);
}

int run(int argc, char** argv) {
  CLI::App parser{"Floods one worker and prints what it costs, and what the conversations beside the flood lose."};
  Plan plan;
  std::string help = "kind of flood:";
  for (const Flood& flood : floods()) help += "\n  " + std::string(flood.name) + ": " + std::string(flood.help);
  parser.add_option("--flood", plan.flood, help)->capture_default_str();
  parser.add_option("--seconds", plan.seconds, "duration in packet time")->capture_default_str();
  parser.add_option("--scale", plan.scale, "factor for the packets per second of the flood")->capture_default_str();
  parser.add_option("--conversations", plan.conversations, "conversations beside the flood")->capture_default_str();
  parser.add_option("--captures", plan.captures, "captures whose flows are the conversations")->required();
  parser.add_option("--seed", plan.seed, "seed of random sources and payloads")->capture_default_str();
  parser.add_option("-s,--set", plan.settings, "any option of spanflowd, such as dpi.enabled=false")
      ->allow_extra_args(false);
  CLI11_PARSE(parser, argc, argv);
  const Flood& flood = flood_named(plan.flood);
  const std::vector<Conversation> conversations = recorded_conversations(plan.captures);
  const Outcome alone = meter(plan, nullptr, conversations);
  const double calm_mb = greatest_resident_mb();
  const Outcome flooded = meter(plan, flood.packets_per_s == 0 ? nullptr : &flood, conversations);
  print(plan, flood, alone, flooded, calm_mb);
  return 0;
}

}  // namespace
}  // namespace spanflow::bench

int main(int argc, char** argv) { return spanflow::bench::guarded("bench_floods", spanflow::bench::run, argc, argv); }

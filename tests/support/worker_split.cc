#include "support/worker_split.h"

#include <algorithm>
#include <random>

#include "base/flow_hash.h"
#include "capture/intake.h"
#include "capture/packet_clock.h"
#include "support/vector_source.h"

namespace spanflow::testing {
namespace {

class IntakeOfAll {
 public:
  explicit IntakeOfAll(const Config& config)
      : config_(config),
        decoder_(config_.decode.tunnels, config_.flow.vlan_key),
        intake_(config_, source_, decoder_, counters_) {}

  std::vector<TakenIn> take(const std::vector<TestPacket>& packets) {
    for (const TestPacket& packet : packets) {
      RawPacket raw = packet.raw();
      raw.behind_ns = static_cast<std::int64_t>(clock_.advance(raw.time_ns) - raw.time_ns);
      intake_.take_burst({.state = Burst::State::kPackets, .packets = {&raw, 1}, .link_type = packet.link_type}, *this);
      if (!taken_.empty()) taken_.back().until_ns = intake_.passed_until(clock_.now_ns());
    }
    intake_.release_all(*this);
    return std::move(taken_);
  }

 private:
  friend class spanflow::Intake;

  Packet& next_packet() { return decoded_; }
  void accept(const RawPacket& raw, LinkType link_type) {
    TestPacket packet{.bytes = Bytes(raw.data, raw.data + raw.captured),
                      .wire = raw.wire,
                      .time_ns = raw.time_ns,
                      .link_type = link_type,
                      .behind_ns = raw.behind_ns};
    if (decoded_.later_fragment) packet.transport = decoded_.transport();
    const std::uint64_t until_ns = taken_.empty() ? 0 : taken_.back().until_ns;
    taken_.push_back({std::move(packet), decoded_.key, until_ns});
  }
  void finish_accepted() {}

  const Config config_;
  VectorSource source_{{}};
  const Decoder decoder_;
  Counters counters_;
  Intake intake_;
  Packet decoded_;
  PacketClock clock_;
  std::vector<TakenIn> taken_;
};

}  // namespace

std::vector<TakenIn> taken_in(const Config& config, const std::vector<TestPacket>& packets) {
  return IntakeOfAll(config).take(packets);
}

SplitWorkers::SplitWorkers(const Config& config, std::uint32_t workers, bool names) {
  constexpr std::size_t kBlocks = 128;  // enough for all records
  for (std::uint32_t i = 0; i < workers; ++i) {
    workers_.push_back(std::make_unique<FlowHarness>(config, FlowHarness::Options{.names = names, .blocks = kBlocks}));
  }
}

std::vector<FlowRecord> SplitWorkers::records_of(const std::vector<TakenIn>& packets, bool sweeps) {
  const auto count = static_cast<std::uint32_t>(workers_.size());
  std::mt19937 random(count);
  std::uint64_t end_ns = 0;
  for (const TakenIn& taken : packets) {
    workers_[owner_worker(taken.key, count)]->add(taken.packet);
    end_ns = std::max({end_ns, taken.packet.raw().clock_ns(), taken.until_ns});
    for (const auto& flows : workers_) {
      const auto budget = static_cast<int>(random() % 4);
      const std::uint64_t now_ns = taken.until_ns - std::min(taken.until_ns, FlowCache::kSweepDelayNs);
      if (sweeps && budget > 0) flows->sweep(std::chrono::nanoseconds{now_ns}, budget);
    }
  }
  std::vector<FlowRecord> records;
  for (const auto& flows : workers_) {
    flows->end(std::chrono::nanoseconds{end_ns});
    const auto more = flows->take_records();
    records.insert(records.end(), more.begin(), more.end());
  }
  return records;
}

}  // namespace spanflow::testing

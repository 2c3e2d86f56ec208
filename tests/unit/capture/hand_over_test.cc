// Tests HandOver: each worker polls its own queue, which also contains packets that other workers own.
#include "capture/hand_over.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

#include "capture/intake.h"
#include "support/random_traffic.h"
#include "support/vector_source.h"

namespace spanflow::testing::hand_over_test {
namespace {

using namespace std::chrono_literals;
using Traffic = std::vector<TestPacket>;

// Takes packets from a source in the same way as a Meter, and keeps the packets that it would meter.
class Worker {
 public:
  Worker(const Config& config, const Decoder& decoder, HandOver& hand_over, std::uint32_t number, Traffic packets)
      : source_(std::move(packets), {.burst = 16, .live = true, .idle_between_bursts = true}),
        end_(hand_over.make_end(number, source_, counters_)),
        intake_(config, *end_, decoder, counters_) {}

  // Takes one burst. Returns false if the source has ended.
  bool poll() {
    const Burst burst = end_->poll();
    for (const RawPacket& raw : burst.packets) {
      EXPECT_GE(raw.time_ns, now_ns_) << "the worker's time has already passed the packet's time";
    }
    intake_.take_burst(burst, *this);
    EXPECT_GE(burst.now_ns, now_ns_);
    now_ns_ = burst.now_ns;
    return burst.state != Burst::State::kEnd;
  }
  void run() {
    while (poll()) {
    }
    intake_.release_all(*this);
  }

  std::uint64_t counter(Counter id) const { return counters_.get(id); }
  const Counters& counters() const { return counters_; }
  const Traffic& metered() const { return metered_; }
  const std::vector<FlowKey>& keys() const { return keys_; }
  std::uint64_t now_ns() const { return now_ns_; }

 private:
  friend class spanflow::Intake;

  Packet& next_packet() { return packet_; }
  void accept(const RawPacket& raw, LinkType) {
    counters_.add(Counter::kPacketsReceived);
    counters_.add(Counter::kPacketsMetered);
    metered_.push_back({.bytes = Bytes(raw.data, raw.data + raw.captured), .wire = raw.wire, .time_ns = raw.time_ns});
    keys_.push_back(packet_.key);
  }
  void finish_accepted() {}

  Counters counters_;
  VectorSource source_;
  std::unique_ptr<HandOverEnd> end_;
  Intake intake_;
  Packet packet_;
  std::uint64_t now_ns_ = 0;
  Traffic metered_;
  std::vector<FlowKey> keys_;
};

class HandOverTest : public ::testing::Test {
 protected:
  // Makes one worker for each queue.
  void make_workers(std::vector<Traffic> queues, OwnerWorkers::Rule rule = OwnerWorkers::Rule::kAddresses) {
    const auto count = static_cast<std::uint32_t>(queues.size());
    hand_over_.emplace(OwnerWorkers(rule, count), count, Backoff::Steps{.longest_sleep = 50us});
    for (std::uint32_t i = 0; i < count; ++i) {
      workers_.push_back(std::make_unique<Worker>(config_, decoder_, *hand_over_, i, std::move(queues[i])));
    }
  }

  static void run(const std::vector<Worker*>& workers) {
    std::vector<std::thread> threads;
    for (Worker* worker : workers) threads.emplace_back([worker] { worker->run(); });
    for (std::thread& thread : threads) thread.join();
  }
  void run() {
    std::vector<Worker*> all;
    for (const auto& worker : workers_) all.push_back(worker.get());
    run(all);
  }

  std::uint64_t sum(Counter id) const {
    std::uint64_t sum = 0;
    for (const auto& worker : workers_) sum += worker->counter(id);
    return sum;
  }
  // Checks over all workers: received = metered + ignored + malformed, and `sent` = received + dropped in full lanes.
  void expect_balance(std::uint64_t sent) const {
    std::uint64_t accounted = 0;
    for (const CounterInfo& each : kCounters) {
      const bool outcome = each.name.starts_with("packets.ignored.") || each.name.starts_with("packets.malformed.");
      if (outcome || each.id == Counter::kPacketsMetered) accounted += sum(each.id);
    }
    EXPECT_EQ(sum(Counter::kPacketsReceived), accounted);
    EXPECT_EQ(accounted + sum(Counter::kPacketsReaderRingFull), sent);
  }
  // Returns, for each pair of addresses, the worker that metered its packets. Fails if several workers metered packets
  // of one pair.
  std::map<std::string, std::uint32_t> owners_of_flows() const {
    std::map<std::string, std::uint32_t> owners;
    for (std::uint32_t i = 0; i < workers_.size(); ++i) {
      for (const FlowKey& key : workers_[i]->keys()) {
        const std::pair<std::string, std::string> ends =
            std::minmax(to_string(key.ip_src, key.ip_version), to_string(key.ip_dst, key.ip_version));
        const auto [owner, added] = owners.emplace(ends.first + " " + ends.second, i);
        EXPECT_EQ(owner->second, i) << owner->first;
      }
    }
    return owners;
  }
  std::vector<std::pair<std::uint64_t, Bytes>> metered() const {
    std::vector<std::pair<std::uint64_t, Bytes>> all;
    for (const auto& worker : workers_) {
      for (const TestPacket& packet : worker->metered()) all.emplace_back(packet.time_ns, packet.bytes);
    }
    std::sort(all.begin(), all.end());
    return all;
  }

  Config config_;
  const Decoder decoder_{TunnelSet::all(), VlanKey::kInner};
  std::optional<HandOver> hand_over_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

// Distributes the packets over the queues in turn. This is the worst split of a device, because each flow is on all
// queues.
std::vector<Traffic> deal(const Traffic& packets, std::size_t queues) {
  std::vector<Traffic> dealt(queues);
  for (std::size_t i = 0; i < packets.size(); ++i) dealt[i % queues].push_back(packets[i]);
  return dealt;
}

std::vector<std::pair<std::uint64_t, Bytes>> sorted(const Traffic& packets) {
  std::vector<std::pair<std::uint64_t, Bytes>> all;
  for (const TestPacket& packet : packets) all.emplace_back(packet.time_ns, packet.bytes);
  std::sort(all.begin(), all.end());
  return all;
}

PacketBuilder between(const std::string& from, const std::string& to, std::chrono::nanoseconds time) {
  return PacketBuilder().ethernet().ipv4(from, to).udp(1, 53).at(time);
}

// Returns a packet that worker `worker` of two workers owns.
PacketBuilder owned_by(std::uint32_t worker, std::chrono::nanoseconds time) {
  const Decoder decoder(TunnelSet::all(), VlanKey::kInner);
  for (int host = 1;; ++host) {
    PacketBuilder builder = between("10.0.0." + std::to_string(host), "10.0.1.1", time);
    Packet packet;
    const TestPacket built = builder.build();
    decoder.decode(built.raw(), built.link_type, packet);
    if (OwnerWorkers(OwnerWorkers::Rule::kAddresses, 2).owner_of(packet, 0) == worker) return builder;
  }
}

TEST_F(HandOverTest, EveryPacketIsMeteredByTheOwnerOfItsAddresses) {
  // The lanes have room for more than 4000 packets, so none is dropped although the queues deliver all at once.
  const Traffic packets = mixed_traffic(1, 4000);
  for (const std::size_t queues : {2, 3, 5}) {
    workers_.clear();
    make_workers(deal(packets, queues));
    run();
    EXPECT_GT(owners_of_flows().size(), 10U);
    EXPECT_TRUE(metered() == sorted(packets)) << queues;
    expect_balance(packets.size());
    EXPECT_EQ(sum(Counter::kPacketsReaderRingFull), 0U);
    EXPECT_EQ(sum(Counter::kFragmentsHeld), 0U);
    EXPECT_GT(sum(Counter::kPacketsHandedOver), packets.size() / 4);
    for (const auto& worker : workers_) {
      EXPECT_EQ(worker->now_ns(), packets.back().time_ns);
    }
  }
}

TEST_F(HandOverTest, FromQueuesThatAreSplitWellOnlyPacketsInTunnelsAreHandedOver) {
  Traffic plain;
  Traffic inside;
  for (int host = 1; host <= 100; ++host) {
    const std::string address = "10.0.0." + std::to_string(host);
    plain.push_back(between(address, "10.0.1.1", 1s).build());
    PacketBuilder tunnel;
    inside.push_back(
        tunnel.ethernet().ipv4("1.1.1.1", "2.2.2.2").gre().ipv4(address, "10.0.1.1").udp(1, 53).at(1s).build());
  }
  Traffic first = plain;
  first.insert(first.end(), inside.begin(), inside.end());
  make_workers({first, {plain[0]}}, OwnerWorkers::Rule::kReceiver);
  run();
  const std::uint64_t handed_over = workers_[0]->counter(Counter::kPacketsHandedOver);
  EXPECT_GT(handed_over, 30U);
  EXPECT_LT(handed_over, 70U);
  EXPECT_EQ(workers_[0]->metered().size(), 200 - handed_over);
  EXPECT_EQ(workers_[1]->metered().size(), 1 + handed_over);
  EXPECT_EQ(workers_[1]->counter(Counter::kPacketsHandedOver), 0U);
  expect_balance(201);
}

TEST_F(HandOverTest, TheReceiverFiltersAndDecodesAndTheOwnerFindsDuplicates) {
  config_.input.filter = "ether[0] != 0xff";
  config_.decode.deduplicate = 1ms;
  const TestPacket packet = owned_by(1, 1s).build();
  TestPacket filtered = packet;
  filtered.bytes[0] = 0xff;
  make_workers({{packet, filtered, packet.cut_to(20)}, {packet, filtered, packet.cut_to(20)}});
  run();
  EXPECT_EQ(workers_[0]->metered().size(), 0U);
  EXPECT_EQ(workers_[1]->metered().size(), 1U);
  EXPECT_EQ(workers_[1]->counter(Counter::kIgnoredDuplicate), 1U);
  for (const auto& worker : workers_) {
    EXPECT_EQ(worker->counter(Counter::kIgnoredFiltered), 1U);
    EXPECT_EQ(worker->counter(Counter::kMalformedIpHeader), 1U);
  }
  expect_balance(6);
}

TEST_F(HandOverTest, FragmentsFindTheirFirstAtTheOwnerWhicheverQueueTheyArriveIn) {
  const auto fragment = [](std::uint32_t offset, bool more) {
    return PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").fragment(offset, more, 9);
  };
  make_workers({{fragment(104, true).ip_protocol(protocol::kUdp).payload(40).at(1s).build()},
                {fragment(0, true).udp(7, 8).payload(92).at(1s).build()},
                {fragment(144, false).ip_protocol(protocol::kUdp).payload(40).at(1s).build()}});
  run();
  EXPECT_EQ(sum(Counter::kFragmentsOrphaned), 0U);
  std::size_t found = 0;
  for (const auto& worker : workers_) {
    for (const FlowKey& key : worker->keys()) found += key.src_port == 7 && key.dst_port == 8 ? 1 : 0;
  }
  EXPECT_EQ(found, 3U);
}

// On a quiet port, the wall clock ends flows. The time of a worker must not pass packets that another worker has not
// yet handed over to it.
TEST_F(HandOverTest, TimeWaitsForPacketsOnTheirWay) {
  make_workers({{owned_by(1, 1s).build(), owned_by(1, 2s).build()}, {owned_by(1, 9s).build()}});
  while (workers_[1]->metered().empty()) workers_[1]->poll();
  for (int i = 0; i < 10; ++i) workers_[1]->poll();  // worker 1 reaches the end of its own queue
  EXPECT_EQ(workers_[1]->now_ns(), 0U);
  while (workers_[0]->counter(Counter::kPacketsHandedOver) < 2) workers_[0]->poll();
  workers_[1]->poll();
  EXPECT_EQ(workers_[1]->metered().size(), 1U);
  workers_[0]->poll();
  while (workers_[1]->metered().size() < 3) workers_[1]->poll();
  EXPECT_EQ(workers_[1]->now_ns(), 2'000'000'000U);
}

TEST_F(HandOverTest, AWorkerWithoutPacketsHearsOfTheTime) {
  Traffic packets;
  for (int second = 1; second <= 20; ++second) packets.push_back(owned_by(0, second * 1s).build());
  make_workers({packets, {}});
  while (workers_[0]->metered().size() < 18) workers_[0]->poll();
  EXPECT_EQ(workers_[1]->now_ns(), 0U);
  for (int i = 0; i < 10; ++i) workers_[1]->poll();
  EXPECT_GE(workers_[1]->now_ns(), 15'000'000'000U);
}

TEST_F(HandOverTest, AWorkerThatDoesNotKeepUpLosesPacketsThatAreCounted) {
  const TestPacket packet = owned_by(1, 1s).payload(1400).build();
  make_workers({Traffic(2000, packet), {}});
  while (workers_[0]->counter(Counter::kPacketsReaderRingFull) == 0) workers_[0]->poll();
  run();
  EXPECT_LT(workers_[1]->metered().size(), 2000U);
  EXPECT_EQ(workers_[1]->metered().size(), workers_[0]->counter(Counter::kPacketsHandedOver));
  expect_balance(2000);
}

TEST_F(HandOverTest, NobodyWaitsForAWorkerThatHasFailed) {
  make_workers({{owned_by(0, 1s).build(), owned_by(1, 1s).build()}, {owned_by(0, 1s).build()}, {}});
  hand_over_->leave(1);
  run({workers_[0].get(), workers_[2].get()});
  EXPECT_EQ(workers_[0]->metered().size() + workers_[0]->counter(Counter::kPacketsHandedOver), 2U);
}

}  // namespace
}  // namespace spanflow::testing::hand_over_test

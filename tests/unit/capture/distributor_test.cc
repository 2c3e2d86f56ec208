// Tests the Distributor, which distributes the packets of one source over several workers.
#include "capture/distributor.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "base/error.h"
#include "base/flow_hash.h"
#include "support/block_source.h"
#include "support/random_traffic.h"
#include "support/vector_source.h"

namespace spanflow::testing::distributor_test {
namespace {

struct Lane {
  std::unique_ptr<PacketSource> source;
  std::vector<TestPacket> packets;
  std::uint64_t now_ns = 0;
  bool ended = false;
};

void poll(Lane& lane) {
  const Burst burst = lane.source->poll();
  EXPECT_GE(burst.now_ns, lane.now_ns);
  lane.now_ns = burst.now_ns;
  lane.ended = burst.state == Burst::State::kEnd;
  for (const RawPacket& raw : burst.packets) {
    lane.packets.push_back({.bytes = Bytes(raw.data, raw.data + raw.captured),
                            .wire = raw.wire,
                            .time_ns = raw.time_ns,
                            .link_type = burst.link_type});
  }
}

class DistributorTest : public ::testing::Test {
 protected:
  std::vector<Lane> distribute(PacketSource& source, std::uint32_t workers) {
    config_.workers = workers;
    Distributor distributor(config_, source, decoder_, counters_);
    std::vector<Lane> lanes(workers);
    for (std::uint32_t i = 0; i < workers; ++i) lanes[i].source = distributor.make_source(i);
    distributor.start();
    while (std::any_of(lanes.begin(), lanes.end(), [](const Lane& lane) { return !lane.ended; })) {
      for (Lane& lane : lanes) poll(lane);
    }
    for (Lane& lane : lanes) lane.source.reset();
    distributor.finish();
    return lanes;
  }

  FlowKey key_of(const TestPacket& packet) const {
    Packet decoded;
    EXPECT_EQ(decoder_.decode(packet.raw(), packet.link_type, decoded), Counter::kPacketsMetered);
    return decoded.key;
  }

  Config config_;
  const Decoder decoder_{TunnelSet::all(), VlanKey::kInner};
  Counters counters_;
};

std::vector<std::pair<std::uint64_t, Bytes>> sorted(const std::vector<TestPacket>& packets) {
  std::vector<std::pair<std::uint64_t, Bytes>> all;
  for (const TestPacket& packet : packets) all.emplace_back(packet.time_ns, packet.bytes);
  std::sort(all.begin(), all.end());
  return all;
}

TEST_F(DistributorTest, EachFlowGoesToItsOwnerWorkerAndNoPacketIsLost) {
  const auto packets = random_traffic(1, 20'000);
  VectorSource source(packets);
  const auto lanes = distribute(source, 3);
  std::vector<TestPacket> all;
  for (std::uint32_t worker = 0; worker < 3; ++worker) {
    EXPECT_FALSE(lanes[worker].packets.empty());
    for (const TestPacket& packet : lanes[worker].packets) ASSERT_EQ(owner_worker(key_of(packet), 3), worker);
    all.insert(all.end(), lanes[worker].packets.begin(), lanes[worker].packets.end());
  }
  EXPECT_TRUE(sorted(all) == sorted(packets));
  EXPECT_EQ(counters_.get(Counter::kPacketsReaderRingFull), 0U);
}

// The workers read the octets of a capture where the source has put them, while the source goes on.
TEST_F(DistributorTest, PacketsInTheMemoryOfTheSourceStayUnchanged) {
  const auto packets = random_traffic(1, 20'000);
  BlockSource source(packets);
  std::vector<TestPacket> all;
  for (const Lane& lane : distribute(source, 3)) all.insert(all.end(), lane.packets.begin(), lane.packets.end());
  EXPECT_TRUE(sorted(all) == sorted(packets));
}

TEST_F(DistributorTest, AWorkersBacklogIsTheShareOfItsBlocksThatWait) {
  config_.workers = 1;
  std::vector<TestPacket> packets(100, PacketBuilder().ipv4("1.1.1.1", "2.2.2.2").udp(1, 2).payload(50'000).build());
  VectorSource source(std::move(packets));
  Distributor distributor(config_, source, decoder_, counters_);
  const auto lane = distributor.make_source(0);
  EXPECT_EQ(lane->backlog(), 0);
  distributor.start();
  distributor.finish();
  EXPECT_EQ(lane->backlog(), 10.0 / 32) << "a block holds ten of the packets";
  lane->poll();
  EXPECT_EQ(lane->backlog(), 9.0 / 32);
  while (lane->poll().state != Burst::State::kEnd) continue;
  EXPECT_EQ(lane->backlog(), 0);
}

TEST_F(DistributorTest, TheOrderOfAFlowStays) {
  VectorSource source(random_traffic(2, 5000));
  for (const Lane& lane : distribute(source, 2)) {
    EXPECT_TRUE(std::is_sorted(lane.packets.begin(), lane.packets.end(),
                               [](const TestPacket& a, const TestPacket& b) { return a.time_ns < b.time_ns; }));
  }
}

TEST_F(DistributorTest, EveryWorkerEndsAtTheTimeOfTheWholeInput) {
  const auto packets = random_traffic(3, 1000);
  VectorSource source(packets);
  for (const Lane& lane : distribute(source, 4)) EXPECT_EQ(lane.now_ns, packets.back().time_ns);
}

TEST_F(DistributorTest, WhatIsNotToBeMeteredIsCountedAndGoesToNoWorker) {
  config_.input.filter = "ether[0] != 0xff";
  auto packets = random_traffic(4, 3);
  packets[0] = packets[0].cut_to(15);
  packets[1].bytes[0] = 0xff;
  VectorSource source(packets);
  std::size_t passed_on = 0;
  for (const Lane& lane : distribute(source, 3)) passed_on += lane.packets.size();
  EXPECT_EQ(passed_on, 1U);
  EXPECT_EQ(counters_.get(Counter::kPacketsReceived), 2U);
  EXPECT_EQ(counters_.get(Counter::kMalformedIpHeader), 1U);
  EXPECT_EQ(counters_.get(Counter::kIgnoredFiltered), 1U);
}

TEST_F(DistributorTest, LengthsOnTheWireAreKept) {
  auto packets = random_traffic(5, 10);
  for (TestPacket& packet : packets) packet = packet.cut_to(42);
  VectorSource source(packets);
  for (const Lane& lane : distribute(source, 1)) {
    for (std::size_t i = 0; i < packets.size(); ++i) EXPECT_EQ(lane.packets.at(i).wire, packets[i].wire);
  }
}

TEST_F(DistributorTest, ALiveWorkerThatDoesNotKeepUpLosesPacketsThatAreCounted) {
  const std::size_t kPackets = 60'000;  // of 1.5 kB each: more than a lane holds
  std::vector<TestPacket> packets(
      kPackets, PacketBuilder().ethernet().ipv4("1.1.1.1", "2.2.2.2").udp(1, 2).payload(1458).build());
  VectorSource source(packets, {.live = true});
  std::uint64_t received = 0;
  {
    Distributor distributor(config_, source, decoder_, counters_);
    Lane lane{.source = distributor.make_source(0)};
    distributor.start();
    distributor.finish();  // no worker has polled yet, so the lane is full
    for (Burst burst = lane.source->poll(); burst.state != Burst::State::kEnd; burst = lane.source->poll()) {
      received += burst.packets.size();
    }
  }
  EXPECT_GT(counters_.get(Counter::kPacketsReaderRingFull), 0U);
  EXPECT_EQ(received + counters_.get(Counter::kPacketsReaderRingFull), kPackets);
}

TEST_F(DistributorTest, AnErrorOfTheSourceEndsTheWorkersAndIsThrownByFinish) {
  class FailingSource : public VectorSource {
   public:
    using VectorSource::VectorSource;
    Burst poll() override {
      const Burst burst = VectorSource::poll();
      if (burst.state == Burst::State::kEnd) throw RunError("in.pcap: damaged");
      return burst;
    }
  };
  const auto packets = random_traffic(6, 500);
  FailingSource source(packets);
  Distributor distributor(config_, source, decoder_, counters_);
  Lane lane{.source = distributor.make_source(0)};
  distributor.start();
  while (!lane.ended) poll(lane);
  EXPECT_EQ(lane.packets.size(), packets.size());
  lane.source.reset();
  EXPECT_THROW(distributor.finish(), RunError);
}

}  // namespace
}  // namespace spanflow::testing::distributor_test

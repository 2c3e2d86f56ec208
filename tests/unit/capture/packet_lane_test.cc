#include "capture/packet_lane.h"

#include <gmock/gmock.h>

#include "support/packet_builder.h"

namespace spanflow::testing::packet_lane_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PacketLaneTest : public ::testing::Test {
 protected:
  bool append(std::uint8_t mark, std::size_t octets, LinkType link_type = LinkType::kEthernet) {
    const Bytes bytes(octets, mark);
    return lane_.append({.data = bytes.data(),
                         .captured = static_cast<std::uint32_t>(octets),
                         .wire = static_cast<std::uint32_t>(octets) + 4,
                         .time_ns = mark},
                        link_type, kBefore);
  }
  // Returns the mark (first octet) of each packet in the next burst. Keeps the burst's time and link type.
  std::vector<std::uint8_t> poll() {
    const Burst burst = lane_.poll();
    now_ns_ = burst.now_ns;
    link_type_ = burst.link_type;
    std::vector<std::uint8_t> marks;
    for (const RawPacket& raw : burst.packets) {
      EXPECT_EQ(Bytes(raw.data, raw.data + raw.captured), Bytes(raw.captured, raw.data[0]));
      EXPECT_EQ(raw.time_ns, raw.data[0]);
      marks.push_back(raw.data[0]);
    }
    return marks;
  }

  static constexpr std::uint64_t kBefore = 50;
  PacketLane lane_{2, 1024};
  std::uint64_t now_ns_ = 0;
  LinkType link_type_{};
};

TEST_F(PacketLaneTest, NothingArrivesBeforeItIsPassedOn) {
  EXPECT_TRUE(append(1, 100));
  EXPECT_TRUE(append(2, 100));
  EXPECT_THAT(poll(), IsEmpty());
  EXPECT_TRUE(lane_.was_empty());
  EXPECT_TRUE(lane_.pass_on(100));
  EXPECT_FALSE(lane_.has_packets());
  EXPECT_THAT(poll(), ElementsAre(1, 2));
  EXPECT_EQ(now_ns_, 100U);
  EXPECT_FALSE(lane_.was_empty());
  EXPECT_THAT(poll(), IsEmpty());
  EXPECT_EQ(now_ns_, 100U);
}

TEST_F(PacketLaneTest, AFullBlockGoesOnUnderTheTimeBefore) {
  EXPECT_TRUE(append(1, 600));
  EXPECT_TRUE(append(2, 600));
  EXPECT_THAT(poll(), ElementsAre(1));
  EXPECT_EQ(now_ns_, kBefore);
  EXPECT_TRUE(lane_.has_packets());
}

TEST_F(PacketLaneTest, ABlockOfShortPacketsIsFullBeforeItsOctetsAre) {
  for (std::uint8_t mark = 1; mark <= 17; ++mark) EXPECT_TRUE(append(mark, 1));
  EXPECT_EQ(poll().size(), 1024 / PacketBlock::kOctetsPerPacket);
}

TEST_F(PacketLaneTest, EachLinkTypeHasBlocksOfItsOwn) {
  append(1, 10, LinkType::kEthernet);
  append(2, 10, LinkType::kRawIp);
  lane_.pass_on(100);
  EXPECT_THAT(poll(), ElementsAre(1));
  EXPECT_EQ(link_type_, LinkType::kEthernet);
  EXPECT_THAT(poll(), ElementsAre(2));
  EXPECT_EQ(link_type_, LinkType::kRawIp);
}

TEST_F(PacketLaneTest, WhenTheConsumerHasAllBlocksThereIsNoRoom) {
  EXPECT_TRUE(lane_.consumer_waits());
  EXPECT_TRUE(append(1, 1000));
  EXPECT_TRUE(append(2, 1000));
  EXPECT_FALSE(lane_.consumer_waits());
  EXPECT_FALSE(append(3, 1000));  // append() passes on the second block, but there is no empty block
  EXPECT_FALSE(append(4, 1000));
  EXPECT_FALSE(lane_.pass_on(100));
  EXPECT_THAT(poll(), ElementsAre(1));
  EXPECT_FALSE(append(5, 1000));  // the consumer still reads the first block
  EXPECT_THAT(poll(), ElementsAre(2));
  EXPECT_TRUE(append(6, 1000));
  EXPECT_FALSE(lane_.consumer_waits());
  poll();
  EXPECT_TRUE(lane_.consumer_waits());
}

TEST_F(PacketLaneTest, AnEmptyBlockCarriesTheTime) {
  EXPECT_TRUE(lane_.pass_on(100));
  EXPECT_THAT(poll(), IsEmpty());
  EXPECT_FALSE(lane_.was_empty());
  EXPECT_EQ(now_ns_, 100U);
}

TEST_F(PacketLaneTest, ABlockHasReachedItsTimeOnlyWithItsLastPacket) {
  PacketLane lane{2, 64 * 1024};
  const Bytes bytes(64);
  for (int i = 0; i < 65; ++i) {
    lane.append({.data = bytes.data(), .captured = 64, .wire = 64, .time_ns = 1}, LinkType::kEthernet, kBefore);
  }
  lane.pass_on(100);
  Burst burst = lane.poll();
  EXPECT_EQ(burst.packets.size(), kBurstPackets);
  EXPECT_EQ(burst.now_ns, 0U);
  burst = lane.poll();
  EXPECT_EQ(burst.packets.size(), 1U);
  EXPECT_EQ(burst.now_ns, 100U);
}

TEST_F(PacketLaneTest, TimeDoesNotGoBack) {
  lane_.pass_on(100);
  poll();
  lane_.pass_on(90);
  poll();
  EXPECT_EQ(now_ns_, 100U);
}

TEST_F(PacketLaneTest, APacketLongerThanABlockIsCut) {
  EXPECT_TRUE(append(1, 2000));
  lane_.pass_on(100);
  const Burst burst = lane_.poll();
  ASSERT_EQ(burst.packets.size(), 1U);
  EXPECT_EQ(burst.packets[0].captured, 1024U);
  EXPECT_EQ(burst.packets[0].wire, 2004U);
}

TEST_F(PacketLaneTest, OctetsStayWhereTheyAreIfTheirMemoryIsGiven) {
  const auto memory = std::make_shared<const Bytes>(600, 1);
  const RawPacket raw{.data = memory->data(), .captured = 600, .wire = 600, .time_ns = 1};
  EXPECT_TRUE(lane_.append(raw, LinkType::kEthernet, kBefore, memory));
  EXPECT_TRUE(append(2, 100));
  EXPECT_TRUE(lane_.append(raw, LinkType::kEthernet, kBefore, memory));  // too much for the first block
  EXPECT_EQ(memory.use_count(), 3);
  const Burst burst = lane_.poll();
  ASSERT_EQ(burst.packets.size(), 2U);
  EXPECT_EQ(burst.packets[0].data, memory->data());
  EXPECT_EQ(*burst.packets[1].data, 2);
  lane_.pass_on(100);
  EXPECT_THAT(poll(), ElementsAre(1));
  EXPECT_TRUE(append(3, 100));  // in the first block again
  EXPECT_EQ(memory.use_count(), 2);
}

}  // namespace
}  // namespace spanflow::testing::packet_lane_test

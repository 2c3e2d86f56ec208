// Tests that TCP packets without payload are stored in one octet each, and that they can be rebuilt.
#include "dpi/replay.h"

#include <gmock/gmock.h>

#include "support/packet_builder.h"

namespace spanflow::testing::replay_test {
namespace {

// The state from which packets are rebuilt. In a run, the flow table keeps this state for each flow.
struct Remembered {
  FlowKey key;
  InitialSequence initial_sequence{0x01020304, 0xa0b0c0d0};
  Handshake handshake;
};

Remembered entry(std::string_view source, std::string_view destination, unsigned ip_version) {
  Remembered made;
  made.key.ip_src = address(source);
  made.key.ip_dst = address(destination);
  made.key.src_port = 0x1234;
  made.key.dst_port = 443;
  made.key.ip_version = static_cast<std::uint8_t>(ip_version);
  made.key.ip_protocol = protocol::kTcp;
  return made;
}

bool remember(Remembered& flow, Direction direction, std::uint8_t tcp_flags, std::uint32_t sequence,
              std::uint32_t acknowledgement) {
  return remember_packet(flow.handshake, flow.initial_sequence, direction, tcp_flags, sequence, acknowledgement);
}

Bytes rebuilt(const Remembered& flow, Direction direction, std::uint8_t flags) {
  std::array<std::uint8_t, kReplayOctets> out{};
  const std::size_t length = rebuild_packet(flow.key, flow.initial_sequence, direction, flags, out);
  return Bytes(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(length));
}

TEST(RebuildPacket, ASynOverIpv4) {
  const Bytes expected = {
      0x45, 0,    0,    40,   0, 0, 0x40, 0, 64, 6, 0, 0, 10,   0,    0,    1,    10, 0, 0, 2,   // IP header
      0x12, 0x34, 0x01, 0xbb, 1, 2, 3,    4, 0,  0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0,  0, 0, 0};  // TCP header
  EXPECT_EQ(rebuilt(entry("10.0.0.1", "10.0.0.2", 4), Direction::kSrcToDst, tcp::kSyn), expected);
}

TEST(RebuildPacket, ASynAckBackAcknowledgesTheSyn) {
  const Bytes expected = {0x45, 0, 0,  40, 0,    0,    0x40, 0,    64,   6,    0,    0,    10,   0,
                          0,    2, 10, 0,  0,    1,    0x01, 0xbb, 0x12, 0x34, 0xa0, 0xb0, 0xc0, 0xd0,
                          1,    2, 3,  5,  0x50, 0x12, 0xff, 0xff, 0,    0,    0,    0};
  EXPECT_EQ(rebuilt(entry("10.0.0.1", "10.0.0.2", 4), Direction::kDstToSrc, tcp::kSyn | tcp::kAck), expected);
}

TEST(RebuildPacket, AnAckOverIpv6ComesAfterTheSyn) {
  const Bytes expected = {0x60, 0, 0, 0,    0,    20,   6,    64,   0x20, 0x01, 0x0d, 0xb8, 0,    0,    0,
                          0,    0, 0, 0,    0,    0,    0,    0,    1,    0x20, 0x01, 0x0d, 0xb8, 0,    0,
                          0,    0, 0, 0,    0,    0,    0,    0,    0,    2,    0x12, 0x34, 0x01, 0xbb, 1,
                          2,    3, 5, 0xa0, 0xb0, 0xc0, 0xd1, 0x50, 0x10, 0xff, 0xff, 0,    0,    0,    0};
  EXPECT_EQ(rebuilt(entry("2001:db8::1", "2001:db8::2", 6), Direction::kSrcToDst, tcp::kAck), expected);
}

TEST(RememberPacket, KeepsDirectionAndFlagsInOrder) {
  Remembered flow = entry("10.0.0.1", "10.0.0.2", 4);
  EXPECT_TRUE(remember(flow, Direction::kSrcToDst, tcp::kSyn, 100, 0));
  EXPECT_TRUE(remember(flow, Direction::kDstToSrc, tcp::kSyn | tcp::kAck, 500, 101));
  ASSERT_EQ(flow.handshake.count, 2);
  EXPECT_EQ(direction_of(flow.handshake.packets[0]), Direction::kSrcToDst);
  EXPECT_EQ(flags_of(flow.handshake.packets[0]), tcp::kSyn);
  EXPECT_EQ(direction_of(flow.handshake.packets[1]), Direction::kDstToSrc);
  EXPECT_EQ(flags_of(flow.handshake.packets[1]), tcp::kSyn | tcp::kAck);
}

TEST(RememberPacket, RefusesWhatHasNoRoom) {
  Remembered flow = entry("10.0.0.1", "10.0.0.2", 4);
  for (int i = 0; i < Handshake::kMost; ++i) EXPECT_TRUE(remember(flow, Direction::kSrcToDst, tcp::kSyn, 1, 0));
  EXPECT_FALSE(remember(flow, Direction::kSrcToDst, tcp::kSyn, 1, 0));
  EXPECT_EQ(flow.handshake.count, Handshake::kMost);
}

TEST(RememberPacket, LeavesOutABareAcknowledgementAfterTwoPackets) {
  Remembered flow = entry("10.0.0.1", "10.0.0.2", 4);
  EXPECT_TRUE(remember(flow, Direction::kSrcToDst, tcp::kAck, 100, 500));
  EXPECT_TRUE(remember(flow, Direction::kDstToSrc, tcp::kAck, 500, 100));
  EXPECT_FALSE(remember(flow, Direction::kSrcToDst, tcp::kAck, 100, 500));
  EXPECT_TRUE(remember(flow, Direction::kSrcToDst, tcp::kFin | tcp::kAck, 100, 500));
}

// If the capture begins in the middle of a connection, the sequence and acknowledgement numbers of its first packet,
// minus 1, replace the initial sequence numbers of the SYNs.
TEST(RememberPacket, OfAConnectionMetHalfWayTheNumbersAreRebuilt) {
  Remembered flow = entry("10.0.0.1", "10.0.0.2", 4);
  flow.initial_sequence[0] = flow.initial_sequence[1] = 0;
  remember(flow, Direction::kSrcToDst, tcp::kAck, 7000, 9000);
  const Bytes forward = rebuilt(flow, Direction::kSrcToDst, tcp::kAck);
  EXPECT_EQ(Bytes(forward.begin() + 24, forward.begin() + 32), (Bytes{0, 0, 0x1b, 0x58, 0, 0, 0x23, 0x28}));
  EXPECT_EQ(flow.initial_sequence[0], 6999U);
  EXPECT_EQ(flow.initial_sequence[1], 8999U);
}

}  // namespace
}  // namespace spanflow::testing::replay_test

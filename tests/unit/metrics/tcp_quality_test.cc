// Tests each rule of docs/tcp.md with simulated TCP connections.
#include "metrics/tcp_quality.h"

#include <gmock/gmock.h>

#include "support/flow_harness.h"
#include "support/packet_builder.h"

namespace spanflow::testing::tcp_quality_test {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr std::uint8_t kSynAck = tcp::kSyn | tcp::kAck;
constexpr std::uint8_t kFinAck = tcp::kFin | tcp::kAck;
constexpr std::uint8_t kRstAck = tcp::kRst | tcp::kAck;

Config with_tcp() {
  Config config;
  config.features.tcp = true;
  config.flow.tcp_close = false;  // all connections between two ports are one flow
  return config;
}

// A packet of one side. By default, it is an acknowledgement without payload. `payload` is in octets.
struct Sent {
  std::uint8_t flags = tcp::kAck;
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;
  std::size_t payload = 0;
  std::uint16_t window = 0xffff;
  Bytes options{};
};

// A client, a server, and the worker that meters their packets.
class Connection {
 public:
  explicit Connection(const Config& config = with_tcp()) : flows_(config) {}

  void client(nanoseconds at, const Sent& sent) { flows_.add(packet(true, at, sent).build()); }
  void server(nanoseconds at, const Sent& sent) { flows_.add(packet(false, at, sent).build()); }
  // Adds the three packets of a handshake. The initial sequence numbers are 1000 (client) and 5000 (server), so data
  // begins at 1001 and 5001. The round-trip time is 10 ms to the server and 20 ms to the client.
  void handshake() {
    client(1s, {.flags = tcp::kSyn, .seq = 1000});
    server(1010ms, {.flags = kSynAck, .seq = 5000, .ack = 1001});
    client(1030ms, {.seq = 1001, .ack = 5001});
  }
  FlowHarness& flows() { return flows_; }
  const FlowHarness& flows() const { return flows_; }
  TcpQuality quality() {
    const auto records = flows_.finish();
    if (records.size() != 1) throw std::logic_error("not one record");
    return records[0].extras->tcp_quality;
  }
  static PacketBuilder packet(bool from_client, nanoseconds at, const Sent& sent) {
    PacketBuilder builder;
    builder.ethernet().ipv4(from_client ? "10.0.0.1" : "10.0.0.2", from_client ? "10.0.0.2" : "10.0.0.1");
    builder.tcp(from_client ? 40000 : 80, from_client ? 80 : 40000).flags(sent.flags).seq(sent.seq);
    builder.ack_number(sent.ack).window(sent.window).tcp_options(sent.options).payload(sent.payload).at(at);
    return builder;
  }

 private:
  FlowHarness flows_;
};

std::optional<std::uint64_t> ns(nanoseconds time) { return static_cast<std::uint64_t>(time.count()); }

void expect_counts(const TcpSideQuality& side, std::uint64_t retransmitted, std::uint64_t out_of_order,
                   std::uint64_t gaps) {
  EXPECT_EQ(side.retransmitted_pkts, retransmitted);
  EXPECT_EQ(side.out_of_order_pkts, out_of_order);
  EXPECT_EQ(side.gaps, gaps);
}

// --- Times ---

TEST(TcpTimes, OfTheHandshakeAreThoseOfEachSide) {
  Connection tcp;
  tcp.handshake();
  const TcpQuality quality = tcp.quality();
  EXPECT_EQ(quality.server_rtt_ns, ns(10ms));
  EXPECT_EQ(quality.client_rtt_ns, ns(20ms));
  EXPECT_EQ(quality.response_ns, std::nullopt);
}

TEST(TcpTimes, WithoutAHandshakeThereAreNone) {
  Connection tcp;
  tcp.client(1s, {.seq = 1001, .ack = 5001, .payload = 10});
  tcp.server(2s, {.seq = 5001, .ack = 1011, .payload = 10});
  const TcpQuality quality = tcp.quality();
  EXPECT_EQ(quality.server_rtt_ns, std::nullopt);
  EXPECT_EQ(quality.client_rtt_ns, std::nullopt);
  EXPECT_EQ(quality.response_ns, std::nullopt);
}

TEST(TcpTimes, OfAClientAloneAreNotKnown) {
  Connection tcp;
  tcp.client(1s, {.flags = tcp::kSyn, .seq = 1000});
  tcp.client(2s, {.seq = 1001, .ack = 5001});
  tcp.client(3s, {.seq = 1001, .ack = 5001, .payload = 10});
  const TcpQuality quality = tcp.quality();
  EXPECT_EQ(quality.server_rtt_ns, std::nullopt);
  EXPECT_EQ(quality.client_rtt_ns, std::nullopt);
  EXPECT_EQ(quality.response_ns, std::nullopt);
}

TEST(TcpTimes, WithoutTheSynOnlyTheClientSideIsKnown) {
  Connection tcp;
  tcp.server(1s, {.flags = kSynAck, .seq = 5000, .ack = 1001});
  tcp.client(1020ms, {.seq = 1001, .ack = 5001});
  const TcpQuality quality = tcp.quality();
  EXPECT_EQ(quality.server_rtt_ns, std::nullopt);
  EXPECT_EQ(quality.client_rtt_ns, ns(20ms));
}

TEST(TcpTimes, ASynAckAnswersTheLastSyn) {
  Connection tcp;
  tcp.client(1s, {.flags = tcp::kSyn, .seq = 1000});
  tcp.client(2s, {.flags = tcp::kSyn, .seq = 1000});
  tcp.server(2010ms, {.flags = kSynAck, .seq = 5000, .ack = 1001});
  EXPECT_EQ(tcp.quality().server_rtt_ns, ns(10ms));
}

TEST(TcpTimes, AnAckAnswersTheLastSynAckAndTheServerAnsweredWithItsFirst) {
  Connection tcp;
  tcp.client(1s, {.flags = tcp::kSyn, .seq = 1000});
  tcp.server(1010ms, {.flags = kSynAck, .seq = 5000, .ack = 1001});
  tcp.server(2010ms, {.flags = kSynAck, .seq = 5000, .ack = 1001});
  tcp.client(2030ms, {.seq = 1001, .ack = 5001});
  const TcpQuality quality = tcp.quality();
  EXPECT_EQ(quality.server_rtt_ns, ns(10ms));
  EXPECT_EQ(quality.client_rtt_ns, ns(20ms));
}

TEST(TcpTimes, ASynAckAfterTheHandshakeChangesNothing) {
  Connection tcp;
  tcp.handshake();
  tcp.server(2010ms, {.flags = kSynAck, .seq = 5000, .ack = 1001});
  tcp.client(2090ms, {.seq = 1001, .ack = 5001});
  const TcpQuality quality = tcp.quality();
  EXPECT_EQ(quality.server_rtt_ns, ns(10ms));
  EXPECT_EQ(quality.client_rtt_ns, ns(20ms));
}

TEST(TcpTimes, WhatAcknowledgesSomethingElseIsNoAnswer) {
  Connection tcp;
  tcp.client(1s, {.flags = tcp::kSyn, .seq = 1000});
  tcp.server(1010ms, {.flags = kSynAck, .seq = 7000, .ack = 900});
  EXPECT_EQ(tcp.quality().server_rtt_ns, std::nullopt);

  tcp.client(2s, {.flags = tcp::kSyn, .seq = 1000});
  tcp.server(2010ms, {.flags = kSynAck, .seq = 5000, .ack = 1001});
  tcp.client(2020ms, {.seq = 1001, .ack = 4900});
  EXPECT_EQ(tcp.quality().client_rtt_ns, std::nullopt);
}

TEST(TcpTimes, OfASecondAttemptReplaceThoseOfTheFirst) {
  Connection tcp;
  tcp.client(1s, {.flags = tcp::kSyn, .seq = 1000});
  tcp.client(5s, {.flags = tcp::kSyn, .seq = 2000});
  tcp.server(5010ms, {.flags = kSynAck, .seq = 5000, .ack = 2001});
  tcp.client(5030ms, {.seq = 2001, .ack = 5001});
  const TcpQuality quality = tcp.quality();
  EXPECT_EQ(quality.server_rtt_ns, ns(10ms));
  EXPECT_EQ(quality.client_rtt_ns, ns(20ms));
  expect_counts(quality.src_to_dst, 0, 0, 0);
}

TEST(TcpTimes, OfAnAttemptFromTheOtherSideReplaceThoseOfTheFirst) {
  Connection tcp;
  tcp.client(1s, {.flags = tcp::kSyn, .seq = 1000});
  tcp.server(1010ms, {.flags = kSynAck, .seq = 5000, .ack = 1001});
  tcp.server(2s, {.flags = tcp::kSyn, .seq = 9000});
  tcp.client(2020ms, {.flags = kSynAck, .seq = 3000, .ack = 9001});
  tcp.server(2030ms, {.seq = 9001, .ack = 3001});
  const TcpQuality quality = tcp.quality();
  EXPECT_EQ(quality.server_rtt_ns, ns(20ms));
  EXPECT_EQ(quality.client_rtt_ns, ns(10ms));
}

TEST(TcpTimes, OfClocksThatRunBackwardsAreNone) {
  Connection tcp;
  tcp.client(1020ms, {.flags = tcp::kSyn, .seq = 1000});
  tcp.server(1010ms, {.flags = kSynAck, .seq = 5000, .ack = 1001});
  EXPECT_EQ(tcp.quality().server_rtt_ns, std::nullopt);
}

TEST(TcpTimes, ResponseIsFromTheRequestsLastPacketToTheAnswersFirst) {
  Connection tcp;
  tcp.handshake();
  tcp.server(1100ms, {.seq = 5001, .ack = 1001, .payload = 20});  // a server's greeting is not an answer
  tcp.client(1200ms, {.seq = 1001, .ack = 5021, .payload = 100});
  tcp.client(1210ms, {.seq = 1101, .ack = 5021, .payload = 100});
  tcp.server(1220ms, {.seq = 5021, .ack = 1201});
  tcp.server(1250ms, {.seq = 5021, .ack = 1201, .payload = 1000});
  tcp.server(1260ms, {.seq = 6021, .ack = 1201, .payload = 1000});
  tcp.client(1300ms, {.seq = 1201, .ack = 7021, .payload = 10});
  tcp.server(1301ms, {.seq = 7021, .ack = 1211, .payload = 10});
  EXPECT_EQ(tcp.quality().response_ns, ns(40ms));
}

TEST(TcpTimes, ARetransmittedRequestIsTheOneAnswered) {
  Connection tcp;
  tcp.handshake();
  tcp.client(1100ms, {.seq = 1001, .ack = 5001, .payload = 100});
  tcp.client(1400ms, {.seq = 1001, .ack = 5001, .payload = 100});
  tcp.server(1415ms, {.seq = 5001, .ack = 1101, .payload = 100});
  EXPECT_EQ(tcp.quality().response_ns, ns(15ms));
}

TEST(TcpTimes, AKeepAliveIsNoRequest) {
  Connection tcp;
  tcp.handshake();
  tcp.client(1100ms, {.seq = 1000, .ack = 5001, .payload = 1});
  tcp.server(1200ms, {.seq = 5001, .ack = 1001, .payload = 10});
  EXPECT_EQ(tcp.quality().response_ns, std::nullopt);
}

TEST(TcpTimes, AGreetingSentAgainIsNoAnswer) {
  Connection tcp;
  tcp.handshake();
  tcp.server(1100ms, {.seq = 5001, .ack = 1001, .payload = 20});
  tcp.client(1300ms, {.seq = 1001, .ack = 5021, .payload = 10});
  tcp.server(1310ms, {.seq = 5001, .ack = 1001, .payload = 20});
  tcp.server(1330ms, {.seq = 5021, .ack = 1011, .payload = 20});
  EXPECT_EQ(tcp.quality().response_ns, ns(30ms));
}

// --- Retransmissions and order ---

TEST(TcpRetransmissions, SynSynAckAndFinCount) {
  Connection tcp;
  tcp.client(1s, {.flags = tcp::kSyn, .seq = 1000});
  tcp.client(2s, {.flags = tcp::kSyn, .seq = 1000});
  tcp.server(2010ms, {.flags = kSynAck, .seq = 5000, .ack = 1001});
  tcp.server(3010ms, {.flags = kSynAck, .seq = 5000, .ack = 1001});
  tcp.client(3030ms, {.seq = 1001, .ack = 5001});
  tcp.client(4s, {.flags = kFinAck, .seq = 1001, .ack = 5001});
  tcp.client(5s, {.flags = kFinAck, .seq = 1001, .ack = 5001});
  const TcpQuality quality = tcp.quality();
  expect_counts(quality.src_to_dst, 2, 0, 0);
  expect_counts(quality.dst_to_src, 1, 0, 0);
}

TEST(TcpRetransmissions, ASegmentSentAgainCountsAndNewOnesDoNot) {
  Connection tcp;
  tcp.handshake();
  tcp.client(1100ms, {.seq = 1001, .ack = 5001, .payload = 100});
  tcp.client(1101ms, {.seq = 1101, .ack = 5001, .payload = 100});
  tcp.client(1400ms, {.seq = 1001, .ack = 5001, .payload = 100});
  tcp.client(1401ms, {.seq = 1201, .ack = 5001, .payload = 100});
  const TcpQuality quality = tcp.quality();
  expect_counts(quality.src_to_dst, 1, 0, 0);
  expect_counts(quality.dst_to_src, 0, 0, 0);
}

TEST(TcpRetransmissions, OldOctetsWithNewOnesBehindThemCount) {
  Connection tcp;
  tcp.handshake();
  tcp.client(1100ms, {.seq = 1001, .ack = 5001, .payload = 100});
  tcp.client(1400ms, {.seq = 1001, .ack = 5001, .payload = 150});
  tcp.client(1401ms, {.seq = 1151, .ack = 5001, .payload = 10});
  expect_counts(tcp.quality().src_to_dst, 1, 0, 0);
}

TEST(TcpRetransmissions, TheHighestSegmentSentAgainSoonCounts) {
  Connection tcp;
  tcp.handshake();
  tcp.client(1100ms, {.seq = 1001, .ack = 5001, .payload = 100});
  tcp.client(1105ms, {.seq = 1001, .ack = 5001, .payload = 100});
  expect_counts(tcp.quality().src_to_dst, 1, 0, 0);
}

TEST(TcpRetransmissions, AKeepAliveDoesNotCount) {
  Connection tcp;
  tcp.handshake();
  tcp.client(1100ms, {.seq = 1001, .ack = 5001, .payload = 100});
  tcp.client(30s, {.seq = 1100, .ack = 5001});
  tcp.client(60s, {.seq = 1100, .ack = 5001, .payload = 1});
  expect_counts(tcp.quality().src_to_dst, 0, 0, 0);
}

TEST(TcpRetransmissions, ARstDoesNotCount) {
  Connection tcp;
  tcp.handshake();
  tcp.client(1100ms, {.seq = 1001, .ack = 5001, .payload = 100});
  tcp.client(1400ms, {.flags = kRstAck, .seq = 1001, .ack = 5001, .payload = 20});
  tcp.client(1400ms, {.flags = tcp::kRst, .seq = 9999});
  tcp.client(1401ms, {.seq = 1101, .ack = 5001, .payload = 100});
  expect_counts(tcp.quality().src_to_dst, 0, 0, 0);
}

TEST(TcpRetransmissions, AcknowledgedOctetsSentAgainSoonCount) {
  Connection tcp;
  tcp.handshake();
  tcp.client(1100ms, {.seq = 1001, .ack = 5001, .payload = 100});
  tcp.client(1100ms, {.seq = 1101, .ack = 5001, .payload = 100});
  tcp.server(1101ms, {.seq = 5001, .ack = 1101});
  tcp.client(1102ms, {.seq = 1001, .ack = 5001, .payload = 100});
  expect_counts(tcp.quality().src_to_dst, 1, 0, 0);
}

TEST(TcpRetransmissions, OctetsThatComeAfterTheirAcknowledgementAreNew) {
  Connection tcp;
  tcp.handshake();
  tcp.server(1100ms, {.seq = 5001, .ack = 1101});
  tcp.client(1101ms, {.seq = 1001, .ack = 5001, .payload = 100});
  expect_counts(tcp.quality().src_to_dst, 0, 0, 0);
}

// Returns the client's counts. The segment at 1001 is lost before the sensor, and later segments arrive. The server
// then sends `repeats` duplicate acknowledgements. `delay` after them, the client retransmits the segment.
TcpSideQuality asked_for(int repeats, nanoseconds delay) {
  Connection tcp;
  tcp.handshake();
  for (std::uint32_t i = 1; i <= 3; ++i) tcp.client(1100ms, {.seq = 1001 + i * 100, .ack = 5001, .payload = 100});
  for (int i = 0; i < repeats; ++i) tcp.server(1101ms, {.seq = 5001, .ack = 1001});
  tcp.client(1101ms + delay, {.seq = 1001, .ack = 5001, .payload = 100});
  return tcp.quality().src_to_dst;
}

TEST(TcpRetransmissions, WhatWasAskedForTwiceWithin20MsCounts) {
  expect_counts(asked_for(2, 20ms - 1ns), 1, 0, 1);
  expect_counts(asked_for(3, 1ms), 1, 0, 1);
}

TEST(TcpRetransmissions, WhatWasAskedForOnceOrLongAgoIsOutOfOrderWithinARoundTrip) {
  expect_counts(asked_for(1, 1ms), 0, 1, 1);
  expect_counts(asked_for(2, 20ms), 0, 1, 1);
  expect_counts(asked_for(2, 30ms), 1, 0, 1);
}

TEST(TcpRetransmissions, ANewAcknowledgementHasNotAskedYet) {
  Connection tcp;
  tcp.handshake();
  tcp.client(1100ms, {.seq = 1201, .ack = 5001, .payload = 100});
  for (int i = 0; i < 2; ++i) tcp.server(1101ms, {.seq = 5001, .ack = 1001});
  tcp.client(1102ms, {.seq = 1001, .ack = 5001, .payload = 100});
  tcp.server(1103ms, {.seq = 5001, .ack = 1101});
  tcp.client(1104ms, {.seq = 1101, .ack = 5001, .payload = 100});
  expect_counts(tcp.quality().src_to_dst, 1, 1, 1);
}

TEST(TcpRetransmissions, AWindowUpdateIsNoDuplicateAcknowledgement) {
  Connection tcp;
  tcp.handshake();
  tcp.client(1100ms, {.seq = 1101, .ack = 5001, .payload = 100});
  for (std::uint16_t window = 1; window <= 3; ++window) {
    tcp.server(1101ms, {.seq = 5001, .ack = 1001, .window = window});
  }
  tcp.client(1102ms, {.seq = 1001, .ack = 5001, .payload = 100});
  expect_counts(tcp.quality().src_to_dst, 0, 1, 1);
}

TEST(TcpRetransmissions, TheAnswerToAKeepAliveIsNoDuplicateAcknowledgement) {
  Connection tcp;
  tcp.handshake();
  for (int i = 0; i < 3; ++i) {
    tcp.client(1091ms, {.seq = 1000, .ack = 5001});
    tcp.server(1092ms, {.seq = 5001, .ack = 1001});
  }
  tcp.client(1095ms, {.seq = 1101, .ack = 5001, .payload = 100});
  tcp.client(1096ms, {.seq = 1001, .ack = 5001, .payload = 100});
  expect_counts(tcp.quality().src_to_dst, 0, 1, 1);
}

// Returns the client's counts. The segment at 1101 arrives `delay` after the segment that follows it.
TcpSideQuality overtaken(bool handshake, nanoseconds delay) {
  Connection tcp;
  if (handshake) tcp.handshake();
  tcp.client(1100ms, {.seq = 1001, .ack = 5001, .payload = 100});
  tcp.client(1200ms, {.seq = 1201, .ack = 5001, .payload = 100});
  tcp.client(1200ms + delay, {.seq = 1101, .ack = 5001, .payload = 100});
  tcp.client(1300ms, {.seq = 1301, .ack = 5001, .payload = 100});
  return tcp.quality().src_to_dst;
}

TEST(TcpOrder, AGapFilledWithinTheHandshakesRoundTripIsOutOfOrder) {
  expect_counts(overtaken(true, 0ms), 0, 1, 1);
  expect_counts(overtaken(true, 30ms - 1ns), 0, 1, 1);
  expect_counts(overtaken(true, 30ms), 1, 0, 1);
}

TEST(TcpOrder, WithoutAHandshakeItIsThreeMilliseconds) {
  expect_counts(overtaken(false, 3ms - 1ns), 0, 1, 1);
  expect_counts(overtaken(false, 3ms), 1, 0, 1);
}

TEST(TcpOrder, APacketWithATimeBeforeTheHighestIsOutOfOrder) { expect_counts(overtaken(true, -50ms), 0, 1, 1); }

TEST(TcpOrder, SequenceNumbersWrap) {
  constexpr std::uint32_t kStart = 0xffff'ff00;
  Connection tcp;
  tcp.client(1s, {.flags = tcp::kSyn, .seq = kStart - 1});
  for (std::uint32_t i = 0; i < 4; ++i) tcp.client(1100ms, {.seq = kStart + i * 200, .payload = 200});
  tcp.client(2s, {.seq = kStart, .payload = 200});         // retransmitted, before the wrap
  tcp.client(2s, {.seq = kStart + 400, .payload = 200});   // retransmitted, after the wrap
  tcp.client(2s, {.seq = kStart + 800, .payload = 200});   // new octets
  tcp.client(2s, {.seq = kStart + 1200, .payload = 200});  // new octets after a gap
  expect_counts(tcp.quality().src_to_dst, 2, 0, 1);
}

TEST(TcpOrder, AnotherConnectionBetweenTheSamePortsHasItsOwnNumbers) {
  Connection tcp;
  tcp.handshake();
  tcp.client(2s, {.flags = tcp::kSyn, .seq = 900'000});
  tcp.server(2010ms, {.flags = kSynAck, .seq = 100, .ack = 900'001});
  tcp.client(2030ms, {.seq = 900'001, .ack = 101, .payload = 10});
  tcp.server(2040ms, {.seq = 101, .ack = 900'011, .payload = 10});
  const TcpQuality quality = tcp.quality();
  expect_counts(quality.src_to_dst, 0, 0, 0);
  expect_counts(quality.dst_to_src, 0, 0, 0);
  EXPECT_EQ(quality.server_rtt_ns, ns(10ms));
}

// --- Windows ---

TEST(TcpWindows, ClosedOnesCountExceptWhereAConnectionBeginsOrEnds) {
  Connection tcp;
  tcp.client(1s, {.flags = tcp::kSyn, .seq = 1000, .window = 0});
  tcp.server(1010ms, {.flags = kSynAck, .seq = 5000, .ack = 1001});
  tcp.client(1030ms, {.seq = 1001, .ack = 5001, .window = 0});
  tcp.client(1040ms, {.seq = 1001, .ack = 5001, .payload = 10, .window = 0});
  tcp.client(1050ms, {.flags = kFinAck, .seq = 1011, .ack = 5001, .window = 0});
  tcp.client(1060ms, {.flags = tcp::kRst, .seq = 1012, .window = 0});
  const TcpQuality quality = tcp.quality();
  EXPECT_EQ(quality.src_to_dst.zero_window_pkts, 2U);
  EXPECT_EQ(quality.dst_to_src.zero_window_pkts, 0U);
}

TEST(TcpWindows, TheOctetOfAProbeComesAgainWithoutBeingRetransmitted) {
  Connection tcp;
  tcp.handshake();
  tcp.server(1100ms, {.seq = 5001, .ack = 1001, .window = 0});
  tcp.client(2s, {.seq = 1001, .ack = 5001, .payload = 1});
  tcp.client(4s, {.seq = 1001, .ack = 5001, .payload = 1});
  tcp.server(5s, {.seq = 5001, .ack = 1001});
  tcp.client(6s, {.seq = 1001, .ack = 5001, .payload = 100});
  expect_counts(tcp.quality().src_to_dst, 0, 0, 0);
}

TEST(TcpWindows, TheOctetOfAProbeThatIsTakenLeavesNoGap) {
  Connection tcp;
  tcp.handshake();
  tcp.server(1100ms, {.seq = 5001, .ack = 1001, .window = 0});
  tcp.client(2s, {.seq = 1001, .ack = 5001, .payload = 1});
  tcp.server(5s, {.seq = 5001, .ack = 1002});
  tcp.client(6s, {.seq = 1002, .ack = 5001, .payload = 100});
  expect_counts(tcp.quality().src_to_dst, 0, 0, 0);
}

TEST(TcpWindows, DataFromOneOctetBackIsNotRetransmitted) {
  Connection tcp;
  tcp.handshake();
  tcp.client(2s, {.seq = 1001, .ack = 5001, .payload = 1});
  tcp.client(6s, {.seq = 1001, .ack = 5001, .payload = 100});
  expect_counts(tcp.quality().src_to_dst, 0, 0, 0);
}

// --- Options ---

TcpSideQuality of_syn(const Bytes& options) {
  Connection tcp;
  tcp.client(1s, {.flags = tcp::kSyn, .seq = 1000, .options = options});
  return tcp.quality().src_to_dst;
}

void expect_options(const TcpSideQuality& side, std::optional<std::uint16_t> mss, std::optional<std::uint8_t> scale) {
  EXPECT_EQ(side.mss, mss);
  EXPECT_EQ(side.window_scale, scale);
}

TEST(TcpOptions, AreThoseOfEachSidesSyn) {
  Connection tcp;
  tcp.client(1s, {.flags = tcp::kSyn, .seq = 1000, .options = {2, 4, 0x05, 0xb4, 1, 3, 3, 7}});
  tcp.server(1010ms, {.flags = kSynAck, .seq = 5000, .ack = 1001, .options = {2, 4, 0x05, 0x78, 1, 3, 3, 0}});
  // These options are ignored, because they are not in a SYN.
  tcp.client(1030ms, {.seq = 1001, .ack = 5001, .options = {2, 4, 0, 1, 3, 3, 9, 0}});
  const TcpQuality quality = tcp.quality();
  expect_options(quality.src_to_dst, 1460, 7);
  expect_options(quality.dst_to_src, 1400, 0);
}

TEST(TcpOptions, WithoutASynAreNotKnown) {
  Connection tcp;
  tcp.client(1s, {.seq = 1001, .options = {2, 4, 0x05, 0xb4, 3, 3, 7, 0}});
  expect_options(tcp.quality().src_to_dst, std::nullopt, std::nullopt);
}

TEST(TcpOptions, ThatASynLacksAreNotKnown) {
  expect_options(of_syn({}), std::nullopt, std::nullopt);
  expect_options(of_syn({2, 4, 0x05, 0xb4}), 1460, std::nullopt);
  expect_options(of_syn({1, 3, 3, 14}), std::nullopt, 14);
}

TEST(TcpOptions, StandInAnyOrderBetweenOthers) {
  expect_options(
      of_syn({4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 254, 5, 9, 9, 9, 3, 3, 8, 1, 1, 1, 1, 2, 4, 0xff, 0xff, 0, 0, 0, 0}),
      0xffff, 8);
}

TEST(TcpOptions, EndAtTheEndOfTheList) { expect_options(of_syn({0, 2, 4, 1, 2, 4, 5, 0}), std::nullopt, std::nullopt); }

TEST(TcpOptions, OfAnotherLengthAreNotTheirs) {
  expect_options(of_syn({2, 3, 5, 3, 4, 7, 7, 0}), std::nullopt, std::nullopt);
}

TEST(TcpOptions, OfAnImpossibleLengthEndTheReading) {
  expect_options(of_syn({8, 0, 3, 3, 7, 1, 1, 1}), std::nullopt, std::nullopt);
  expect_options(of_syn({8, 1, 3, 3, 7, 1, 1, 1}), std::nullopt, std::nullopt);
  expect_options(of_syn({3, 3, 7, 2, 4, 5}), std::nullopt, 7);  // zeros pad the header; there is no payload
  expect_options(of_syn({1, 1, 1, 2}), std::nullopt, std::nullopt);
  expect_options(of_syn({3, 3, 7, 8}), std::nullopt, 7);
  expect_options(of_syn({3, 3, 7, 1, 8, 10, 1, 1}), std::nullopt, 7);
}

TEST(TcpOptions, CutByTheSnapLengthAreReadAsFarAsTheyGo) {
  const Sent syn{.flags = tcp::kSyn, .seq = 1000, .options = {3, 3, 7, 2, 4, 0x05, 0xb4, 0}};
  constexpr std::size_t kBeforeOptions = 14 + 20 + 20;
  for (std::size_t kept = 0; kept <= 8; ++kept) {
    Connection tcp;
    tcp.flows().add(Connection::packet(true, 1s, syn).build().cut_to(kBeforeOptions + kept));
    expect_options(tcp.quality().src_to_dst, kept >= 7 ? std::optional<std::uint16_t>{1460} : std::nullopt,
                   kept >= 3 ? std::optional<std::uint8_t>{7} : std::nullopt);
  }
}

TEST(TcpOptions, BehindAHeaderThatSaysItIsTooShortAreNotRead) {
  Connection tcp;
  const Sent syn{.flags = tcp::kSyn, .seq = 1000, .options = {2, 4, 0x05, 0xb4}};
  tcp.flows().add(Connection::packet(true, 1s, syn).patch(12, 0x40).build());
  expect_options(tcp.quality().src_to_dst, std::nullopt, std::nullopt);
}

// --- History ---

std::string history_of(const std::vector<std::pair<char, Sent>>& packets) {
  Connection tcp;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const auto& [from, sent] = packets[i];
    from == 'c' ? tcp.client(1s + i * 100ms, sent) : tcp.server(1s + i * 100ms, sent);
  }
  return tcp.quality().history;
}

constexpr std::uint8_t kFinRst = tcp::kFin | tcp::kRst;
constexpr std::uint8_t kSynFin = tcp::kSyn | tcp::kFin;

TEST(TcpHistory, OfAWholeConnection) {
  EXPECT_EQ(history_of({{'c', {.flags = tcp::kSyn, .seq = 1000}},
                        {'s', {.flags = kSynAck, .seq = 5000, .ack = 1001}},
                        {'c', {.seq = 1001, .ack = 5001}},
                        {'c', {.seq = 1001, .ack = 5001, .payload = 10}},
                        {'s', {.seq = 5001, .ack = 1011}},
                        {'s', {.seq = 5001, .ack = 1011, .payload = 10}},
                        {'c', {.seq = 1011, .ack = 5011, .payload = 10}},
                        {'c', {.flags = kFinAck, .seq = 1021, .ack = 5011}},
                        {'s', {.flags = kFinAck, .seq = 5011, .ack = 1022}},
                        {'c', {.seq = 1022, .ack = 5012}}}),
            "ShADadFf");
}

TEST(TcpHistory, OfRefusedUnansweredAndForeignOnes) {
  EXPECT_EQ(history_of({{'c', {.flags = tcp::kSyn, .seq = 1000}}, {'s', {.flags = kRstAck, .ack = 1001}}}), "Sr");
  EXPECT_EQ(history_of({{'c', {.flags = tcp::kSyn, .seq = 1000}}, {'c', {.flags = tcp::kSyn, .seq = 1000}}}), "S");
  EXPECT_EQ(history_of({{'c', {.seq = 1, .payload = 1}}, {'s', {.seq = 1}}}), "Da");
  EXPECT_EQ(history_of({{'c', {.flags = 0}}}), "");
}

TEST(TcpHistory, LettersThatOpenAndCloseRepeatWithOtherNumbersOnly) {
  EXPECT_EQ(history_of({{'c', {.flags = tcp::kSyn, .seq = 1000}},
                        {'c', {.flags = tcp::kSyn, .seq = 2000}},
                        {'s', {.flags = kSynAck, .seq = 5000, .ack = 2001}},
                        {'s', {.flags = kSynAck, .seq = 6000, .ack = 2001}},
                        {'c', {.flags = kFinAck, .seq = 2001, .ack = 6001}},
                        {'c', {.flags = kFinAck, .seq = 2001, .ack = 6001}},
                        {'c', {.flags = kFinAck, .seq = 2002, .ack = 6001, .payload = 5}},
                        {'s', {.flags = tcp::kRst, .seq = 6001}},
                        {'s', {.flags = tcp::kRst, .seq = 6001}},
                        {'s', {.flags = tcp::kRst, .seq = 6002}}}),
            "SShhFFrr");
}

TEST(TcpHistory, MixedFlagsHaveTheirLetterOnce) {
  EXPECT_EQ(history_of({{'c', {.flags = kFinRst}}, {'c', {.flags = kFinRst}}}), "I");
  EXPECT_EQ(history_of({{'c', {.flags = kSynFin}}, {'s', {.flags = tcp::kSyn | tcp::kRst}}}), "Qq");
}

TEST(TcpHistory, RetransmissionsAndClosedWindowsRepeatTenfold) {
  Connection tcp;
  tcp.handshake();
  tcp.server(1100ms, {.seq = 5001, .ack = 1001, .payload = 10});
  for (int i = 0; i < 99; ++i) tcp.server(2s + i * 1ms, {.seq = 5001, .ack = 1001, .payload = 10});
  for (int i = 0; i < 10; ++i) tcp.client(3s + i * 1ms, {.seq = 1001, .ack = 5011, .window = 0});
  tcp.server(4s, {.seq = 5001, .ack = 1001, .payload = 10});
  EXPECT_EQ(tcp.quality().history, "ShAdttWWt");
}

TEST(TcpHistory, ARetransmittedSynIsNoRetransmittedPayload) {
  Connection tcp;
  tcp.client(1s, {.flags = tcp::kSyn, .seq = 1000});
  tcp.client(2s, {.flags = tcp::kSyn, .seq = 1000});
  const TcpQuality quality = tcp.quality();
  EXPECT_EQ(quality.history, "S");
  EXPECT_EQ(quality.src_to_dst.retransmitted_pkts, 1U);
}

TEST(TcpHistory, PayloadIsCountedApartFromARetransmittedSyn) {
  Connection tcp;
  tcp.client(1s, {.flags = tcp::kSyn, .seq = 1000});
  tcp.client(2s, {.flags = tcp::kSyn, .seq = 1000});
  tcp.client(3s, {.seq = 1001, .payload = 10});
  for (int i = 0; i < 10; ++i) tcp.client(4s, {.seq = 1001, .payload = 10});
  const TcpQuality quality = tcp.quality();
  EXPECT_EQ(quality.history, "SDTT");
  EXPECT_EQ(quality.src_to_dst.retransmitted_pkts, 11U);
}

TEST(TcpHistory, IsBounded) {
  Connection tcp;
  for (std::uint32_t i = 0; i < 100; ++i) tcp.client(1s, {.flags = tcp::kRst, .seq = i});
  EXPECT_EQ(tcp.quality().history, std::string(21, 'R'));
}

TEST(TcpHistory, OfATurnedFlowSaysSo) {
  Config config = with_tcp();
  Connection as_it_came(config);
  config.flow.direction = FlowDirection::kHandshake;
  Connection turned(config);
  for (Connection* tcp : {&as_it_came, &turned}) {
    tcp->server(1s, {.flags = kSynAck, .seq = 5000, .ack = 1001});
    tcp->client(1020ms, {.seq = 1001, .ack = 5001});
  }
  EXPECT_EQ(as_it_came.quality().history, "Ha");
  EXPECT_EQ(turned.quality().history, "^hA");
}

// --- Segments and flows ---

TEST(TcpSegments, CountAnewAndKnowWhatWentBefore) {
  Config config = with_tcp();
  config.flow.active_timeout = 10s;
  Connection tcp(config);
  tcp.client(1s, {.flags = tcp::kSyn, .seq = 1000, .options = {2, 4, 0x05, 0xb4}});
  tcp.server(1010ms, {.flags = kSynAck, .seq = 5000, .ack = 1001});
  tcp.client(1030ms, {.seq = 1001, .ack = 5001, .payload = 100});
  tcp.server(1050ms, {.seq = 5001, .ack = 1101, .payload = 100});
  tcp.client(2s, {.seq = 1001, .ack = 5101, .payload = 100, .window = 0});
  tcp.client(11s, {.seq = 1001, .ack = 5101, .payload = 100});
  tcp.client(12s, {.seq = 1101, .ack = 5101, .payload = 100});
  tcp.server(12s + 70ms, {.seq = 5101, .ack = 1201, .payload = 100});
  const auto records = tcp.flows().finish();
  ASSERT_EQ(records.size(), 2U);
  const TcpQuality& first = records[0].extras->tcp_quality;
  const TcpQuality& second = records[1].extras->tcp_quality;
  expect_counts(first.src_to_dst, 1, 0, 0);
  expect_counts(second.src_to_dst, 1, 0, 0);
  EXPECT_EQ(first.src_to_dst.zero_window_pkts, 1U);
  EXPECT_EQ(second.src_to_dst.zero_window_pkts, 0U);
  EXPECT_EQ(first.history, "ShDdTW");
  EXPECT_EQ(second.history, "DTd");
  EXPECT_EQ(first.response_ns, ns(20ms));
  EXPECT_EQ(second.response_ns, ns(70ms));
  for (const TcpQuality& each : {first, second}) {
    EXPECT_EQ(each.server_rtt_ns, ns(10ms));
    EXPECT_EQ(each.client_rtt_ns, ns(20ms));
    EXPECT_EQ(each.src_to_dst.mss, 1460);
  }
}

TEST(TcpSegments, ARequestBeforeTheCutIsAnsweredBehindIt) {
  Config config = with_tcp();
  config.flow.active_timeout = 10s;
  Connection tcp(config);
  tcp.handshake();
  tcp.client(10s, {.seq = 1001, .ack = 5001, .payload = 100});
  tcp.server(12s, {.seq = 5001, .ack = 1101, .payload = 100});
  const auto records = tcp.flows().finish();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].extras->tcp_quality.response_ns, std::nullopt);
  EXPECT_EQ(records[1].extras->tcp_quality.response_ns, ns(2s));
}

TEST(TcpFlows, AReusedEntryStartsWithACleanConnection) {
  Config config = with_tcp();
  config.flow.capacity = 1;
  Connection tcp(config);
  tcp.client(1s, {.flags = tcp::kSyn, .seq = 1000, .options = {2, 4, 0x05, 0xb4}});
  tcp.server(1010ms, {.flags = kSynAck, .seq = 5000, .ack = 1001});
  tcp.flows().add(PacketBuilder().ipv4("3.3.3.3", "4.4.4.4").tcp(1, 2).seq(7).at(2s).build());
  const auto records = tcp.flows().finish();
  ASSERT_EQ(records.size(), 2U);
  const TcpQuality& second = records[1].extras->tcp_quality;
  EXPECT_EQ(second.history, "A");
  EXPECT_EQ(second.server_rtt_ns, std::nullopt);
  EXPECT_EQ(second.src_to_dst.mss, std::nullopt);
  expect_counts(second.src_to_dst, 0, 0, 0);
}

TEST(TcpFlows, OfOtherProtocolsHaveNoTcpQuality) {
  FlowHarness flows(with_tcp());
  flows.add(PacketBuilder().ipv4("1.1.1.1", "2.2.2.2").udp(1, 2).payload(40).at(1s).build());
  EXPECT_FALSE(flows.finish().at(0).extras);
}

TEST(TcpFlows, OfHeadersThatWereNotCapturedHaveNoTcpQuality) {
  constexpr std::size_t kToWindow = 14 + 20 + 14;
  for (const std::size_t kept : {kToWindow, kToWindow + 1}) {
    Connection tcp;
    tcp.flows().add(Connection::packet(true, 1s, {.flags = tcp::kSyn}).build().cut_to(kept));
    EXPECT_FALSE(tcp.flows().finish().at(0).extras);
  }
  Connection tcp;
  tcp.flows().add(Connection::packet(true, 1s, {.flags = tcp::kSyn}).build().cut_to(kToWindow + 2));
  EXPECT_TRUE(tcp.flows().finish().at(0).extras->has_tcp_quality);
}

TEST(TcpFlows, OfLaterFragmentsHaveNoTcpQuality) {
  FlowHarness flows(with_tcp());
  flows.add(PacketBuilder().ipv4("1.1.1.1", "2.2.2.2").fragment(64, false).ip_protocol(6).payload(64).at(1s).build());
  EXPECT_FALSE(flows.finish().at(0).extras);
}

TEST(TcpFlows, OverIpv6WithAnExtensionHeaderAreTheSame) {
  FlowHarness flows(with_tcp());
  flows.add(PacketBuilder()
                .ipv6("fd00::1", "fd00::2")
                .extension(0)
                .tcp(1, 2)
                .syn()
                .seq(9)
                .tcp_options(Bytes{2, 4, 5, 160})
                .at(1s)
                .build());
  flows.add(PacketBuilder().ipv6("fd00::2", "fd00::1").tcp(2, 1).syn_ack().seq(4).ack_number(10).at(1s + 5ms).build());
  const TcpQuality quality = flows.finish().at(0).extras->tcp_quality;
  EXPECT_EQ(quality.src_to_dst.mss, 1440);
  EXPECT_EQ(quality.server_rtt_ns, ns(5ms));
  EXPECT_EQ(quality.history, "Sh");
}

TEST(TcpFlows, WithTheFeatureOffHaveNoExtras) {
  FlowHarness flows;
  flows.add(PacketBuilder().ipv4("1.1.1.1", "2.2.2.2").tcp(1, 2).syn().at(1s).build());
  EXPECT_FALSE(flows.finish().at(0).extras);
}

// --- Acknowledgements of octets that were never seen ---

void expect_acks(const Connection& tcp, std::uint64_t acks, std::uint64_t of_unseen) {
  EXPECT_EQ(tcp.flows().counter(Counter::kTcpAcks), acks);
  EXPECT_EQ(tcp.flows().counter(Counter::kTcpAcksOfUnseen), of_unseen);
}

TEST(TcpAcks, OfWhatWasSeenAreCountedOncePerAdvance) {
  Connection tcp;
  tcp.handshake();
  expect_acks(tcp, 0, 0);  // each side's first acknowledgement is only the start value
  tcp.client(2s, {.seq = 1001, .ack = 5001, .payload = 100});
  tcp.server(2010ms, {.seq = 5001, .ack = 1101});
  tcp.server(2020ms, {.seq = 5001, .ack = 1101});
  tcp.server(2030ms, {.seq = 5001, .ack = 1051});
  expect_acks(tcp, 1, 0);
}

TEST(TcpAcks, BeyondTheHighestOctetAreOfUnseenOnes) {
  Connection tcp;
  tcp.handshake();
  tcp.server(2s, {.seq = 5001, .ack = 1101});
  expect_acks(tcp, 1, 1);
  tcp.server(2010ms, {.seq = 5001, .ack = 1101});
  expect_acks(tcp, 1, 1);
}

TEST(TcpAcks, OfAHoleThatNothingHasFilledAreOfUnseenOctets) {
  Connection tcp;
  tcp.handshake();
  tcp.client(2s, {.seq = 1001, .ack = 5001, .payload = 100});
  tcp.client(2s, {.seq = 1201, .ack = 5001, .payload = 100});
  tcp.server(2010ms, {.seq = 5001, .ack = 1101});
  expect_acks(tcp, 1, 0);
  tcp.server(2020ms, {.seq = 5001, .ack = 1301});
  expect_acks(tcp, 2, 1);
  tcp.client(3s, {.seq = 1301, .ack = 5001, .payload = 100});
  tcp.server(3010ms, {.seq = 5001, .ack = 1401});
  expect_acks(tcp, 3, 1);
}

TEST(TcpAcks, OfAHoleThatWasFilledAreOfWhatWasSeen) {
  Connection tcp;
  tcp.handshake();
  tcp.client(2s, {.seq = 1001, .ack = 5001, .payload = 100});
  tcp.client(2s, {.seq = 1301, .ack = 5001, .payload = 100});
  tcp.client(3s, {.seq = 1201, .ack = 5001, .payload = 100});  // fills the hole from its end
  tcp.client(3s, {.seq = 1101, .ack = 5001, .payload = 100});
  tcp.server(3010ms, {.seq = 5001, .ack = 1401});
  expect_acks(tcp, 1, 0);
}

TEST(TcpAcks, OfAHoleThatWasFilledInPartAreOfUnseenOctets) {
  Connection tcp;
  tcp.handshake();
  tcp.client(2s, {.seq = 1001, .ack = 5001, .payload = 100});
  tcp.client(2s, {.seq = 1301, .ack = 5001, .payload = 100});
  tcp.client(3s, {.seq = 1101, .ack = 5001, .payload = 100});
  tcp.server(3010ms, {.seq = 5001, .ack = 1401});
  expect_acks(tcp, 1, 1);
}

TEST(TcpAcks, InTheMiddleOfAConnectionHaveNothingToBeJudgedBy) {
  Connection tcp;
  tcp.client(1s, {.seq = 1001, .ack = 5001, .payload = 10});
  tcp.server(2s, {.seq = 5001, .ack = 900});
  expect_acks(tcp, 0, 0);
  tcp.client(3s, {.seq = 1011, .ack = 5001, .payload = 10});
  tcp.server(4s, {.seq = 5001, .ack = 1021});
  expect_acks(tcp, 1, 0);
}

TEST(TcpAcks, OfAnotherConnectionBetweenTheSamePortsBeginAnew) {
  Connection tcp;
  tcp.handshake();
  tcp.client(2s, {.flags = tcp::kSyn, .seq = 900'000});
  tcp.server(2010ms, {.flags = kSynAck, .seq = 700'000, .ack = 900'001});
  tcp.client(2020ms, {.seq = 900'001, .ack = 700'001});
  expect_acks(tcp, 0, 0);
}

}  // namespace
}  // namespace spanflow::testing::tcp_quality_test

// Tests that the watcher finds ClientHellos in the packets of flows.
#include "inspect/client_hello_watcher.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "support/application_packets.h"
#include "support/decoding.h"
#include "support/tls_octets.h"

namespace spanflow::testing::client_hello_watcher_test {
namespace {

constexpr std::uint32_t kSyn = 1000;
constexpr std::uint32_t kStart = kSyn + 1;

// Returns a hello that does not fit in one TCP segment, as with post-quantum key shares.
std::string long_hello(const std::string& server_name) {
  return tls_records(
      HelloParts{.extensions = server_name_extension(server_name) + extension(51, std::string(3000, 'k'))}.message());
}

// One flow of a ClientHelloWatcher. Collects the server names of its hellos, in order.
class WatchedFlow {
 public:
  explicit WatchedFlow(ClientHelloWatcher& watcher, std::optional<std::uint32_t> syn = kSyn)
      : watcher_(watcher), syn_(syn) {}

  WatchedFlow& segment(std::uint32_t sequence, const std::string& payload) {
    return packet(PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").tcp(1234, 443).seq(sequence).payload(payload),
                  Direction::kSrcToDst);
  }
  WatchedFlow& answer(const std::string& payload) {
    return packet(PacketBuilder().ethernet().ipv4("10.0.0.2", "10.0.0.1").tcp(443, 1234).seq(kStart).payload(payload),
                  Direction::kDstToSrc);
  }
  WatchedFlow& packet(const PacketBuilder& builder, Direction direction) {
    const TestPacket frame = builder.build();
    Packet packet = decode(frame).packet;
    packet.direction = direction;
    if (const auto hello = watcher_.add(watch_, packet, syn_)) names_.emplace_back(hello->server_name.value_or(""));
    return *this;
  }
  void end() { watcher_.release(watch_); }

  bool done() const { return watch_.done(); }
  const std::vector<std::string>& names() const { return names_; }

 private:
  ClientHelloWatcher& watcher_;
  std::optional<std::uint32_t> syn_;
  HelloWatch watch_{};
  std::vector<std::string> names_;
};

using Names = std::vector<std::string>;

class ClientHelloWatcherTest : public ::testing::Test {
 protected:
  std::uint64_t counter(Counter id) const { return counters_.get(id); }

  Counters counters_;
  ClientHelloWatcher watcher_{2, counters_};
};

TEST_F(ClientHelloWatcherTest, ReadsAHelloInOnePacketOnce) {
  WatchedFlow flow{watcher_};
  const std::string hello = tls_client_hello("www.example.org");
  flow.segment(kStart, hello).segment(kStart, hello);
  EXPECT_EQ(flow.names(), Names{"www.example.org"});
  EXPECT_TRUE(flow.done());
  EXPECT_EQ(counter(Counter::kDpiHelloRead), 1U);
}

TEST_F(ClientHelloWatcherTest, ReadsAHelloOverIpv6AndBehindOptions) {
  WatchedFlow flow{watcher_};
  flow.packet(PacketBuilder()
                  .ethernet()
                  .ipv6("2001:db8::1", "2001:db8::2")
                  .extension(60, 16)
                  .tcp(1234, 443)
                  .tcp_options(12)
                  .seq(kStart)
                  .payload(tls_client_hello("six.example.org"))
                  .padding(6),
              Direction::kSrcToDst);
  EXPECT_EQ(flow.names(), Names{"six.example.org"});
}

TEST_F(ClientHelloWatcherTest, ReadsTheHelloOfEitherSide) {
  WatchedFlow flow{watcher_};
  flow.answer(tls_client_hello("reverse.example.org"));
  EXPECT_EQ(flow.names(), Names{"reverse.example.org"});
}

TEST_F(ClientHelloWatcherTest, PassesOverPacketsWithoutPayload) {
  WatchedFlow flow{watcher_};
  flow.segment(kStart, "");
  EXPECT_FALSE(flow.done());
  flow.segment(kStart, tls_client_hello("www.example.org"));
  EXPECT_EQ(flow.names(), Names{"www.example.org"});
}

TEST_F(ClientHelloWatcherTest, IsDoneWithAFlowThatBeginsOtherwise) {
  WatchedFlow flow{watcher_};
  flow.segment(kStart, http_get("www.example.org"));
  EXPECT_FALSE(flow.done());  // the other side may still be the TLS client
  flow.answer(http_response());
  EXPECT_TRUE(flow.done());
  EXPECT_EQ(flow.names(), Names{});
  EXPECT_EQ(counter(Counter::kDpiHelloGivenUp), 0U);
}

TEST_F(ClientHelloWatcherTest, LooksOnlyWhereASideBegins) {
  WatchedFlow flow{watcher_};
  flow.segment(kStart, "EHLO\r\n").segment(kStart + 6, tls_client_hello("www.example.org"));
  EXPECT_EQ(flow.names(), Names{});
}

TEST_F(ClientHelloWatcherTest, PutsSegmentsTogether) {
  WatchedFlow flow{watcher_};
  const std::string hello = long_hello("long.example.org");
  flow.segment(kStart, hello.substr(0, 1400)).segment(kStart + 1400, hello.substr(1400, 1400));
  EXPECT_EQ(flow.names(), Names{});
  flow.segment(kStart + 2800, hello.substr(2800));
  EXPECT_EQ(flow.names(), Names{"long.example.org"});
  EXPECT_TRUE(flow.done());
}

TEST_F(ClientHelloWatcherTest, PutsASegmentPerOctetTogetherAsFarAsTheBound) {
  WatchedFlow flow{watcher_};
  const std::string hello = long_hello("long.example.org");
  for (std::uint32_t i = 0; i < SegmentBuffer::kMostSegments - 1; ++i) flow.segment(kStart + i, hello.substr(i, 1));
  flow.segment(kStart + SegmentBuffer::kMostSegments - 1, hello.substr(SegmentBuffer::kMostSegments - 1));
  EXPECT_EQ(flow.names(), Names{"long.example.org"});
}

TEST_F(ClientHelloWatcherTest, PutsSegmentsTogetherInAnyOrderOnceTheSynWasSeen) {
  const std::string hello = long_hello("long.example.org");
  const std::vector<std::vector<std::uint32_t>> orders = {{0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (const auto& order : orders) {
    WatchedFlow flow{watcher_};
    for (const std::uint32_t i : order) {
      EXPECT_EQ(flow.names(), Names{});
      flow.segment(kStart + i * 1100, hello.substr(i * 1100, 1100));
    }
    EXPECT_EQ(flow.names(), Names{"long.example.org"});
  }
}

TEST_F(ClientHelloWatcherTest, TakesRetransmittedAndOverlappingSegments) {
  WatchedFlow flow{watcher_};
  const std::string hello = long_hello("long.example.org");
  flow.segment(kStart, hello.substr(0, 1400)).segment(kStart, hello.substr(0, 1400));
  flow.segment(kStart + 1000, hello.substr(1000, 1400)).segment(kStart + 500, hello.substr(500));
  EXPECT_EQ(flow.names(), Names{"long.example.org"});
}

TEST_F(ClientHelloWatcherTest, FollowsSequenceNumbersThroughTheirWrap) {
  WatchedFlow flow{watcher_, 0xfffffffa};
  const std::string hello = long_hello("wrap.example.org");
  flow.segment(0xfffffffb, hello.substr(0, 1400)).segment(1395, hello.substr(1400));
  EXPECT_EQ(flow.names(), Names{"wrap.example.org"});
}

TEST_F(ClientHelloWatcherTest, ReadsTheHelloThatCameWithTheSyn) {
  WatchedFlow flow{watcher_};
  flow.packet(PacketBuilder()
                  .ethernet()
                  .ipv4("10.0.0.1", "10.0.0.2")
                  .tcp(1234, 443)
                  .syn()
                  .seq(kSyn)
                  .payload(tls_client_hello("fast.example.org")),
              Direction::kSrcToDst);
  EXPECT_EQ(flow.names(), Names{"fast.example.org"});
}

TEST_F(ClientHelloWatcherTest, WithoutASynBeginsWithTheFirstPayload) {
  WatchedFlow flow{watcher_, std::nullopt};
  const std::string hello = long_hello("long.example.org");
  flow.segment(77, hello.substr(0, 1400)).segment(77 + 1400, hello.substr(1400));
  EXPECT_EQ(flow.names(), Names{"long.example.org"});
}

TEST_F(ClientHelloWatcherTest, AfterALostStartFindsNone) {
  WatchedFlow flow{watcher_};
  const std::string hello = long_hello("long.example.org");
  flow.segment(kStart + 1400, hello.substr(1400));
  EXPECT_EQ(flow.names(), Names{});
  flow.segment(kStart + 100'000, "much later");  // so far ahead that the watcher gives up the start
  EXPECT_EQ(counter(Counter::kDpiHelloGivenUp), 1U);
  flow.segment(kStart, hello);
  EXPECT_EQ(flow.names(), Names{});
}

TEST_F(ClientHelloWatcherTest, SettlesWhenTheStartTurnsOutToBeSomethingElse) {
  WatchedFlow flow{watcher_};
  flow.segment(kStart + 4, "/ HTTP/1.1\r\n\r\n").segment(kStart, "GET ").answer(http_response());
  EXPECT_TRUE(flow.done());
  EXPECT_EQ(counter(Counter::kDpiHelloGivenUp), 0U);
}

TEST_F(ClientHelloWatcherTest, GivesUpAHelloThatTheSnapLengthCuts) {
  WatchedFlow flow{watcher_};
  const auto snapped = [](std::size_t octets) {
    return PacketBuilder()
        .ethernet()
        .ipv4("10.0.0.1", "10.0.0.2")
        .tcp(1234, 443)
        .seq(kStart)
        .payload(tls_client_hello("www.example.org"))
        .snap(octets);
  };
  flow.packet(snapped(100), Direction::kSrcToDst);
  EXPECT_EQ(flow.names(), Names{});
  EXPECT_EQ(counter(Counter::kDpiHelloGivenUp), 1U);
  flow.packet(snapped(2000), Direction::kSrcToDst);
  EXPECT_EQ(flow.names(), Names{});

  WatchedFlow headers_only{watcher_};
  headers_only.packet(snapped(54), Direction::kSrcToDst);
  // The second flow is not counted, because no octet of its payload was captured.
  EXPECT_EQ(counter(Counter::kDpiHelloGivenUp), 1U);
}

TEST_F(ClientHelloWatcherTest, ReadsACutPacketWhoseHelloIsWhole) {
  WatchedFlow flow{watcher_};
  const std::string hello = tls_client_hello("www.example.org");
  flow.packet(PacketBuilder()
                  .ethernet()
                  .ipv4("10.0.0.1", "10.0.0.2")
                  .tcp(1234, 443)
                  .seq(kStart)
                  .payload(hello + std::string(100, 'e'))
                  .snap(54 + hello.size()),
              Direction::kSrcToDst);
  EXPECT_EQ(flow.names(), Names{"www.example.org"});
}

TEST_F(ClientHelloWatcherTest, GivesUpAHelloThatNeverEnds) {
  WatchedFlow flow{watcher_};
  const std::string hello = tls_records(handshake_message(1, std::string(16'380, 'x')), 100);  // longer than the buffer
  for (std::uint32_t at = 0; at < hello.size(); at += 1400) flow.segment(kStart + at, hello.substr(at, 1400));
  EXPECT_EQ(flow.names(), Names{});
  EXPECT_EQ(counter(Counter::kDpiHelloGivenUp), 1U);
}

TEST_F(ClientHelloWatcherTest, TheOldestLoanIsCalledInWhenAllBuffersAreOut) {
  const auto begin = [](WatchedFlow& flow, const char* name) {
    flow.segment(kStart, long_hello(name).substr(0, 1400));
  };
  const auto finish = [](WatchedFlow& flow, const char* name) {
    flow.segment(kStart + 1400, long_hello(name).substr(1400));
  };
  WatchedFlow a{watcher_};
  WatchedFlow b{watcher_};
  WatchedFlow c{watcher_};
  begin(a, "a");
  begin(b, "b");
  EXPECT_EQ(counter(Counter::kDpiHelloPoolFull), 0U);
  begin(c, "c");
  EXPECT_EQ(counter(Counter::kDpiHelloPoolFull), 1U);
  finish(a, "a");
  finish(b, "b");
  finish(c, "c");
  EXPECT_EQ(a.names(), Names{});
  EXPECT_EQ(b.names(), Names{"b"});
  EXPECT_EQ(c.names(), Names{"c"});
  a.answer(tls_server_hello());
  EXPECT_TRUE(a.done());
}

TEST_F(ClientHelloWatcherTest, BuffersComeBackFromFlowsThatAreDoneOrReleased) {
  for (int round = 0; round < 100; ++round) {
    const std::string hello = long_hello("long.example.org");
    WatchedFlow read{watcher_};
    read.segment(kStart, hello.substr(0, 1400)).segment(kStart + 1400, hello.substr(1400));
    EXPECT_EQ(read.names(), Names{"long.example.org"});
    WatchedFlow dropped{watcher_};
    dropped.segment(kStart, hello.substr(0, 1400));
    dropped.end();
  }
  EXPECT_EQ(counter(Counter::kDpiHelloPoolFull), 0U);
  EXPECT_EQ(counter(Counter::kDpiHelloRead), 100U);
}

// If the watcher has given a flow's buffer to another flow, the end of the first flow must not release that buffer.
TEST_F(ClientHelloWatcherTest, ReleasingACalledInLoanLeavesTheOthersAlone) {
  const std::string hello = long_hello("long.example.org");
  std::vector<std::unique_ptr<WatchedFlow>> flows;
  for (int i = 0; i < 4; ++i) {
    flows.push_back(std::make_unique<WatchedFlow>(watcher_));
    flows.back()->segment(kStart, hello.substr(0, 1400));
  }
  flows[0]->end();
  flows[1]->end();
  flows[2]->segment(kStart + 1400, hello.substr(1400));
  flows[3]->segment(kStart + 1400, hello.substr(1400));
  EXPECT_EQ(flows[2]->names(), Names{"long.example.org"});
  EXPECT_EQ(flows[3]->names(), Names{"long.example.org"});
  EXPECT_EQ(counter(Counter::kDpiHelloPoolFull), 2U);
}

}  // namespace
}  // namespace spanflow::testing::client_hello_watcher_test

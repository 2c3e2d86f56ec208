// Tests hashes, flow ids and the comparison of keys in both directions.
#include "base/flow_hash.h"

#include <gmock/gmock.h>

#include <cstring>
#include <random>
#include <set>
#include <vector>

#include "support/packet_builder.h"

namespace spanflow::testing::flow_hash_test {
namespace {

FlowKey tcp_key() {
  FlowKey key;
  key.ip_src = address("10.0.0.1");
  key.ip_dst = address("192.168.1.2");
  key.src_port = 49152;
  key.dst_port = 443;
  key.ip_protocol = protocol::kTcp;
  key.ip_version = 4;
  return key;
}

FlowKey tunnelled_key() {
  FlowKey key;
  key.ip_src = address("2001:db8::1");
  key.ip_dst = address("2001:db8::2");
  key.src_port = 5353;
  key.dst_port = 53;
  key.vlan_key_outer = 7;
  key.vlan_key_inner = 100;
  key.tunnel_key = 42;
  key.ip_protocol = protocol::kUdp;
  key.ip_version = 6;
  key.tunnel_type = TunnelType::kVxlan;
  return key;
}

FlowKey random_key(std::mt19937_64& random) {
  FlowKeyWords words;
  for (std::uint64_t& word : words) word = random();
  return std::bit_cast<FlowKey>(words);
}

// Returns the keys of ten other flows. Each key differs from `key` in one member.
std::vector<FlowKey> neighbours(const FlowKey& key) {
  std::vector<FlowKey> others(10, key);
  others[0].ip_src.bytes[0] ^= 1;
  others[1].ip_src.bytes[15] ^= 1;
  others[2].ip_dst.bytes[3] ^= 1;
  others[3].src_port ^= 1;
  others[4].dst_port ^= 1;
  others[5].vlan_key_outer ^= 1;
  others[6].vlan_key_inner ^= 1;
  others[7].tunnel_key ^= 1;
  others[8].ip_protocol ^= 1;
  others[9].tunnel_type = static_cast<TunnelType>(static_cast<int>(key.tunnel_type) ^ 1);
  return others;
}

TEST(SymmetricHash, BothDirectionsOfAnyFlowAreEqual) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 10'000; ++i) {
    const FlowKey key = random_key(random);
    const SymmetricHash hash(random());
    ASSERT_EQ(hash(key), hash(reversed(key)));
  }
}

TEST(SymmetricHash, EveryMemberCounts) {
  const SymmetricHash hash(99);
  for (const FlowKey& other : neighbours(tunnelled_key())) EXPECT_NE(hash(other), hash(tunnelled_key()));
}

TEST(SymmetricHash, AnotherSeedGivesAnotherHash) {
  EXPECT_NE(SymmetricHash(1)(tcp_key()), SymmetricHash(2)(tcp_key()));
}

TEST(SymmetricHash, FlowsWithinOneHostHaveDifferentHashes) {
  FlowKey key = tcp_key();
  key.ip_dst = key.ip_src;
  FlowKey next = key;
  ++next.src_port;
  ++next.dst_port;
  EXPECT_NE(SymmetricHash(5)(key), SymmetricHash(5)(next));
}

// Earlier, port << 47 ^ (port + constant) was mixed into the lower half of the address, which an IPv6 sender chooses.
TEST(SymmetricHash, ASenderWhoChoosesItsIpv6AddressAndPortMakesNoCollisions) {
  constexpr std::uint64_t kPublic = 0xd1b54a32d192ed03;
  for (const std::uint64_t seed : {1ULL, 0x1234567890abcdefULL, ~0ULL}) {
    const SymmetricHash hash(seed);
    for (const std::uint64_t result : {0ULL, 1ULL, 0x123456789ULL}) {
      std::set<std::uint64_t> hashes;
      for (std::uint64_t port = 1; port <= 1000; ++port) {
        FlowKey key = tunnelled_key();
        const std::uint64_t low = result ^ port << 47 ^ (port + kPublic);
        std::memcpy(&key.ip_src.bytes[8], &low, sizeof low);
        key.src_port = static_cast<std::uint16_t>(port);
        hashes.insert(hash(key));
      }
      EXPECT_EQ(hashes.size(), 1000U);
    }
  }
}

TEST(SymmetricHash, NoPublicNumberMakesAHashIndependentOfTheRest) {
  for (const std::uint64_t constant : {0x9e3779b97f4a7c15ULL, 0xd1b54a32d192ed03ULL, 0x8bb84b93962eacc9ULL, 0ULL}) {
    std::set<std::uint64_t> hashes;
    for (std::uint64_t i = 0; i < 1000; ++i) {
      FlowKey key = tunnelled_key();
      key.src_port = 0;
      std::memcpy(&key.ip_src.bytes[0], &i, sizeof i);
      std::memcpy(&key.ip_src.bytes[8], &constant, sizeof constant);
      hashes.insert(SymmetricHash(7)(key));
    }
    EXPECT_EQ(hashes.size(), 1000U);
  }
}

TEST(SymmetricSum, BothDirectionsOfAnyFlowAreEqual) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 1'000; ++i) {
    const FlowKey key = random_key(random);
    EXPECT_EQ(symmetric_sum(reversed(key)), symmetric_sum(key));
  }
}

TEST(Match, TellsTheDirection) {
  EXPECT_EQ(match(tcp_key(), tcp_key()), Direction::kSrcToDst);
  EXPECT_EQ(match(tcp_key(), reversed(tcp_key())), Direction::kDstToSrc);
  EXPECT_EQ(match(tunnelled_key(), reversed(tunnelled_key())), Direction::kDstToSrc);
}

TEST(Match, AnyOtherMemberMakesAnotherFlow) {
  for (const FlowKey& other : neighbours(tunnelled_key())) {
    EXPECT_EQ(match(tunnelled_key(), other), std::nullopt);
    EXPECT_EQ(match(tunnelled_key(), reversed(other)), std::nullopt);
  }
}

TEST(Match, PortsMustSwapWithTheAddresses) {
  FlowKey half_swapped = tcp_key();
  std::swap(half_swapped.ip_src, half_swapped.ip_dst);
  EXPECT_EQ(match(tcp_key(), half_swapped), std::nullopt);
  FlowKey only_ports = tcp_key();
  std::swap(only_ports.src_port, only_ports.dst_port);
  EXPECT_EQ(match(tcp_key(), only_ports), std::nullopt);
}

TEST(Match, AnEndpointToItselfIsSrcToDst) {
  FlowKey key = tcp_key();
  key.ip_dst = key.ip_src;
  key.dst_port = key.src_port;
  EXPECT_EQ(match(key, reversed(key)), Direction::kSrcToDst);
}

// Users join records of different releases on the flow id. If the ids change, these joins break.
TEST(FlowId, NeverChanges) {
  EXPECT_EQ(make_flow_id("", tcp_key(), 1'700'000'000'123'456'789), 0x09aad3be3af49e02U);
  EXPECT_EQ(make_flow_id("probe-1", tcp_key(), 1'700'000'000'123'456'789), 0xe3e0a6543d748711U);
  EXPECT_EQ(make_flow_id("", tunnelled_key(), 1), 0x097d9bc2746fce5bU);
}

TEST(FlowId, DependsOnSensorDirectionAndTime) {
  const std::uint64_t id = make_flow_id("a", tcp_key(), 1);
  EXPECT_NE(make_flow_id("b", tcp_key(), 1), id);
  EXPECT_NE(make_flow_id("a", reversed(tcp_key()), 1), id);
  EXPECT_NE(make_flow_id("a", tcp_key(), 2), id);
}

TEST(FlowId, EveryMemberOfTheKeyCounts) {
  const std::uint64_t id = make_flow_id("", tunnelled_key(), 1);
  for (const FlowKey& other : neighbours(tunnelled_key())) EXPECT_NE(make_flow_id("", other, 1), id);
}

TEST(OwnerWorker, NeverChanges) {
  EXPECT_EQ(owner_worker(tcp_key(), 2), 1U);
  EXPECT_EQ(owner_worker(tcp_key(), 4), 2U);
  EXPECT_EQ(owner_worker(tcp_key(), 7), 3U);
  EXPECT_EQ(owner_worker(tunnelled_key(), 4), 0U);
  EXPECT_EQ(owner_worker(tunnelled_key(), 7), 0U);
}

TEST(OwnerWorker, IsTheSameForBothDirectionsAndInRange) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 10'000; ++i) {
    const FlowKey key = random_key(random);
    for (const std::uint32_t workers : {1U, 2U, 3U, 128U}) {
      ASSERT_LT(owner_worker(key, workers), workers);
      ASSERT_EQ(owner_worker(key, workers), owner_worker(reversed(key), workers));
    }
  }
}

// The flows are like the connections of a proxy to one server, which differ only in the client's port.
TEST(OwnerWorker, DistributesFlowsThatDifferInOnePortEvenly) {
  constexpr std::uint32_t kWorkers = 4;
  std::vector<int> flows(kWorkers);
  FlowKey key = tcp_key();
  for (key.src_port = 1024; key.src_port < 1024 + 8000; ++key.src_port) ++flows[owner_worker(key, kWorkers)];
  for (const int count : flows) {
    EXPECT_GT(count, 1800);
    EXPECT_LT(count, 2200);
  }
}

}  // namespace
}  // namespace spanflow::testing::flow_hash_test

// The cost of a packet before its look-up in the flow table: decoding the headers and hashing the key. Times are per
// packet.
#include <benchmark/benchmark.h>

#include "base/flow_hash.h"
#include "support/decoding.h"

namespace spanflow::bench {
namespace {

using testing::PacketBuilder;

PacketBuilder ethernet() { return PacketBuilder().ethernet(); }
PacketBuilder ipv4() { return ethernet().ipv4("10.0.0.1", "172.16.0.1"); }

void decode(benchmark::State& state, const PacketBuilder& builder) {
  const testing::TestPacket frame = builder.build();
  const Decoder decoder(TunnelSet::all(), VlanKey::kInner);
  Packet packet;
  if (decoder.decode(frame.raw(), frame.link_type, packet) != Counter::kPacketsMetered) {
    state.SkipWithError("this frame cannot be decoded");
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(decoder.decode(frame.raw(), frame.link_type, packet));
    benchmark::DoNotOptimize(packet);
  }
}

BENCHMARK_CAPTURE(decode, ipv4_tcp, ipv4().tcp(40'000, 443).payload(100));
BENCHMARK_CAPTURE(decode, ipv4_udp, ipv4().udp(40'000, 53).payload(100));
BENCHMARK_CAPTURE(decode, ipv6_tcp, ethernet().ipv6("2001:db8::1", "2001:db8::2").tcp(40'000, 443).payload(100));
BENCHMARK_CAPTURE(decode, ipv6_extension_udp,
                  ethernet().ipv6("2001:db8::1", "2001:db8::2").extension(60).udp(40'000, 53).payload(100));
BENCHMARK_CAPTURE(decode, vlan_ipv4_tcp,
                  ethernet().vlan(100).ipv4("10.0.0.1", "172.16.0.1").tcp(40'000, 443).payload(100));
BENCHMARK_CAPTURE(decode, qinq_ipv4_tcp,
                  ethernet().vlan(7, 0x88a8).vlan(100).ipv4("10.0.0.1", "172.16.0.1").tcp(40'000, 443).payload(100));
BENCHMARK_CAPTURE(decode, mpls_ipv4_tcp,
                  ethernet().mpls(16).mpls(17).ipv4("10.0.0.1", "172.16.0.1").tcp(40'000, 443).payload(100));
BENCHMARK_CAPTURE(decode, gre_ipv4_tcp, ipv4().gre().ipv4("192.168.0.1", "192.168.0.2").tcp(40'000, 443).payload(100));
BENCHMARK_CAPTURE(decode, gtp_ipv4_tcp,
                  ipv4().udp(2152, 2152).gtp(77).ipv4("192.168.0.1", "192.168.0.2").tcp(40'000, 443).payload(100));
BENCHMARK_CAPTURE(
    decode, vxlan_ipv4_tcp,
    ipv4().udp(50'000, 4789).vxlan(77).ethernet().ipv4("192.168.0.1", "192.168.0.2").tcp(40'000, 443).payload(100));

template <typename Hash>
void hash_key(benchmark::State& state, Hash hash) {
  FlowKey key = testing::decode(ipv4().tcp(40'000, 443)).packet.key;
  for (auto _ : state) {
    ++key.tunnel_key;
    benchmark::DoNotOptimize(hash(key));
  }
}

BENCHMARK_CAPTURE(hash_key, of_the_table, SymmetricHash{1});
BENCHMARK_CAPTURE(hash_key, owner_worker, [](const FlowKey& key) { return owner_worker(key, 4); });
BENCHMARK_CAPTURE(hash_key, flow_id, [](const FlowKey& key) { return make_flow_id("sensor", key, 1); });

}  // namespace
}  // namespace spanflow::bench

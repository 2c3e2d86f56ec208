// Tests the storage, index and order of a worker's flows.
#include "flow/flow_table.h"

#include <gmock/gmock.h>

#include <map>
#include <random>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "support/packet_builder.h"

namespace spanflow::testing::flow_table_test {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;

FlowKey key_number(std::uint32_t number) {
  FlowKey key;
  key.ip_src = address("10.0.0.1");
  key.ip_dst = address("10.0.0.2");
  key.src_port = static_cast<std::uint16_t>(number);
  key.dst_port = 443;
  key.tunnel_key = number >> 16;
  key.ip_protocol = protocol::kTcp;
  key.ip_version = 4;
  return key;
}

FlowEntry& insert(FlowTable& table, const FlowKey& key, std::uint64_t now_ns = 0) {
  return table.insert(key, table.hash(key), now_ns);
}

FlowEntry* find(FlowTable& table, const FlowKey& key) { return table.find(key, table.hash(key)).entry; }

Flow read(const FlowTable& table, const FlowEntry& entry) {
  Flow flow;
  table.read(entry, flow);
  return flow;
}

std::vector<std::uint16_t> ports_of(FlowTable& table, const IndexList& list) {
  std::vector<std::uint16_t> ports;
  for (std::uint32_t at = list.front(); at != kNoIndex; at = list.after(at)) {
    ports.push_back(table.at(at).key.src_port);
  }
  return ports;
}

std::vector<std::uint16_t> order_of_use(FlowTable& table) { return ports_of(table, table.on_probation()); }
std::vector<std::uint16_t> conversations(FlowTable& table) { return ports_of(table, table.conversations()); }

TEST(FlowTable, FindsBothDirectionsOfWhatWasInserted) {
  FlowTable table(8, 1);
  FlowEntry& entry = insert(table, key_number(5));
  const FlowKey back = reversed(key_number(5));
  EXPECT_EQ(table.find(key_number(5), table.hash(key_number(5))).entry, &entry);
  EXPECT_EQ(table.find(key_number(5), table.hash(key_number(5))).direction, Direction::kSrcToDst);
  EXPECT_EQ(table.find(back, table.hash(back)).entry, &entry);
  EXPECT_EQ(table.find(back, table.hash(back)).direction, Direction::kDstToSrc);
  EXPECT_EQ(find(table, key_number(6)), nullptr);
}

// Returns the numbers of two keys that have the same hash.
std::pair<std::uint32_t, std::uint32_t> with_the_same_hash(const FlowTable& table) {
  std::unordered_map<std::uint32_t, std::uint32_t> numbers;
  for (std::uint32_t number = 0; number < 10'000'000; ++number) {
    const auto [known, is_new] = numbers.emplace(table.hash(key_number(number)), number);
    if (!is_new) return {known->second, number};
  }
  return {};
}

TEST(FlowTable, ExpectsTheEntryOfAHashUntilItIsErased) {
  FlowTable table(8, 1);
  EXPECT_EQ(table.prefetch_entry(table.hash(key_number(5))), kNoIndex);
  for (std::uint32_t number = 0; number < 8; ++number) insert(table, key_number(number));
  FlowEntry& entry = *find(table, key_number(5));
  const std::uint32_t hash = table.hash(key_number(5));
  const std::uint32_t expected = table.prefetch_entry(hash);
  EXPECT_EQ(expected, table.index_of(entry));
  EXPECT_EQ(table.find(key_number(5), hash, expected).entry, &entry);
  EXPECT_EQ(table.find(reversed(key_number(5)), hash, expected).direction, Direction::kDstToSrc);
  table.erase(entry);
  EXPECT_EQ(table.find(key_number(5), hash, expected).entry, nullptr);
  EXPECT_EQ(&insert(table, key_number(9)), &entry);
  EXPECT_EQ(table.find(key_number(5), hash, expected).entry, nullptr);
  FlowEntry& other = *find(table, key_number(0));
  table.erase(other);
  EXPECT_EQ(&insert(table, key_number(5)), &other);
  EXPECT_EQ(table.find(key_number(5), hash, expected).entry, &other);
}

// FlowTable::find() must compare the full key, not only the hash.
TEST(FlowTable, FlowsWithTheSameHashAreToldApart) {
  FlowTable table(8, 1);
  const auto [one, other] = with_the_same_hash(table);
  ASSERT_NE(one, other);
  FlowEntry& first = insert(table, key_number(one));
  FlowEntry& second = insert(table, key_number(other));
  EXPECT_EQ(find(table, key_number(one)), &first);
  EXPECT_EQ(find(table, key_number(other)), &second);
  table.erase(first);
  EXPECT_EQ(find(table, key_number(one)), nullptr);
  EXPECT_EQ(find(table, key_number(other)), &second);
}

TEST(FlowTable, AReusedEntryStartsClean) {
  FlowTable table(1, 1);
  FlowEntry& used = insert(table, key_number(1));
  used.sides[0] = {.start_ns = 1, .end_ns = 2, .pkts = 3, .link_octets = 4, .ip_octets = 5, .tcp_flags = 6};
  used.state = EntryState::kClosed;
  used.syn_seen = used.fin_seen = 3;
  used.ends_now = true;
  table.begin_conversation(used, 0);
  used.inspection.conclude({.label = 7});
  used.reading.settle_both();
  table.details(used).initial_sequence[1] = 9;
  table.details(used).segment = 10;
  table.details(used).set_flow_id(11);
  table.high_bits(used) = {.sides = {{.pkts = 12}}, .segment = 13};
  table.tags(used) = {.vlan_id = 14, .vlan_outer_id = 15};
  table.tunnel_ids(used) = {.sides = {16, 17}};
  table.load_shedding(used) = {.features = 1, .sampling_shift = 2};
  table.erase(used);
  FlowEntry& entry = insert(table, key_number(2));
  EXPECT_EQ(&entry, &used);
  EXPECT_EQ(entry.key, key_number(2));
  EXPECT_FALSE(entry.has_packets());
  EXPECT_EQ(entry.sides[0].pkts, 0U);
  EXPECT_EQ(entry.sides[0].link_octets, 0U);
  EXPECT_EQ(entry.sides[0].tcp_flags, 0);
  EXPECT_EQ(entry.state, EntryState::kOpen);
  EXPECT_EQ(entry.syn_seen, 0);
  EXPECT_EQ(entry.fin_seen, 0);
  EXPECT_FALSE(entry.ends_now);
  EXPECT_FALSE(entry.is_conversation);
  EXPECT_EQ(entry.inspection.progress(), DpiProgress::kNotStarted);
  EXPECT_EQ(entry.inspection.handshake().count, 0);
  EXPECT_FALSE(entry.reading.is_settled(Direction::kSrcToDst));
  EXPECT_EQ(table.details(entry).initial_sequence[1], 0U);
  EXPECT_EQ(table.details(entry).segment, 0U);
  EXPECT_EQ(table.details(entry).flow_id(), 0U);
  EXPECT_FALSE(entry.has_high_bits);
  EXPECT_FALSE(entry.has_tags);
  EXPECT_FALSE(entry.has_tunnel_ids);
  EXPECT_FALSE(entry.has_load_shedding);
  EXPECT_EQ(table.load_shedding(entry).sampling_shift, 0);
  EXPECT_EQ(table.high_bits(entry).sides[0].pkts, 0U);
  EXPECT_EQ(table.high_bits(entry).segment, 0U);
  EXPECT_EQ(table.tags(entry).vlan_id, 0);
  EXPECT_EQ(table.tunnel_ids(entry).sides[1], 0U);
}

TEST(FlowTable, AFlowTakesAtMost192Octets) {
  for (const std::uint32_t capacity : {2U, 128'000U, 1'100'000U, 10'500'000U, 1U << 30}) {
    EXPECT_LE(FlowTable::octets(capacity), 192 * std::size_t{capacity}) << capacity;
  }
}

TEST(FlowTable, CountsMoreThan65536Segments) {
  FlowTable table(1, 1);
  FlowEntry& entry = insert(table, key_number(1));
  for (int i = 0; i < 65'535; ++i) table.next_segment(entry);
  EXPECT_FALSE(entry.has_high_bits);
  EXPECT_EQ(read(table, entry).segment, 65'535U);
  table.next_segment(entry);
  EXPECT_TRUE(entry.has_high_bits);
  EXPECT_EQ(read(table, entry).segment, 65'536U);
}

TEST(FlowTable, ReadsAnEntryWithoutSideArrays) {
  FlowTable table(1, 1);
  FlowEntry& entry = insert(table, key_number(1));
  entry.sides[0] = {.start_ns = 1, .end_ns = 9, .pkts = 3, .link_octets = 200, .ip_octets = 100, .tcp_flags = 6};
  entry.sides[0].dscp = 7;
  entry.sides[0].ttl_min = 8;
  entry.sides[0].ttl_max = 9;
  table.details(entry).src_mac = {1, 2, 3, 4, 5, 6};
  table.details(entry).set_flow_id(11);
  const Flow flow = read(table, entry);
  EXPECT_EQ(static_cast<const FlowKey&>(flow), key_number(1));
  EXPECT_EQ(flow.start_ns, 1U);
  EXPECT_EQ(flow.end_ns, 9U);
  EXPECT_EQ(flow.flow_id, 11U);
  EXPECT_EQ(flow.segment, 0U);
  EXPECT_EQ(flow.vlan_id, 0);
  EXPECT_EQ(flow.src_mac, (MacAddress{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(flow.sampling_rate, 1U);
  EXPECT_EQ(flow.overload, 0);
  EXPECT_EQ(flow.src_to_dst.pkts, 3U);
  EXPECT_EQ(flow.src_to_dst.link_bytes, 200U);
  EXPECT_EQ(flow.src_to_dst.ip_bytes, 100U);
  EXPECT_EQ(flow.src_to_dst.tunnel_id, 0U);
  EXPECT_EQ(flow.src_to_dst.tcp_flags, 6);
  EXPECT_EQ(flow.src_to_dst.dscp, 7);
  EXPECT_EQ(flow.src_to_dst.ttl_min, 8);
  EXPECT_EQ(flow.src_to_dst.ttl_max, 9);
  EXPECT_EQ(flow.dst_to_src.start_ns, 0U);
  EXPECT_EQ(flow.dst_to_src.ttl_min, 0);
}

TEST(FlowTable, ReadsTheSideArrays) {
  FlowTable table(1, 1);
  FlowEntry& entry = insert(table, key_number(1));
  entry.sides[1] = {.start_ns = 1, .end_ns = 9, .pkts = 3, .link_octets = 200, .ip_octets = 100};
  table.high_bits(entry) = {.sides = {{}, {.pkts = 1, .link_octets = 2, .ip_octets = 3}}, .segment = 4};
  table.tags(entry) = {.vlan_id = 14, .vlan_outer_id = 15};
  table.tunnel_ids(entry) = {.sides = {16, 17}};
  table.load_shedding(entry) = {.features = 1, .sampling_shift = 2};
  const Flow flow = read(table, entry);
  constexpr std::uint64_t kUpper = std::uint64_t{1} << 32;
  EXPECT_EQ(flow.segment, 4U << 16);
  EXPECT_EQ(flow.vlan_id, 14);
  EXPECT_EQ(flow.vlan_outer_id, 15);
  EXPECT_EQ(flow.sampling_rate, 4U);
  EXPECT_EQ(flow.overload, kShedFeatures | kShedFlows);
  EXPECT_EQ(flow.src_to_dst.tunnel_id, 16U);
  EXPECT_EQ(flow.dst_to_src.tunnel_id, 17U);
  EXPECT_EQ(flow.dst_to_src.pkts, kUpper + 3);
  EXPECT_EQ(flow.dst_to_src.link_bytes, 2 * kUpper + 200);
  EXPECT_EQ(flow.dst_to_src.ip_bytes, 3 * kUpper + 100);
  EXPECT_TRUE(table.sheds_features(entry));
  table.start_segment(entry);
  EXPECT_EQ(read(table, entry).dst_to_src.pkts, 0U);
  EXPECT_EQ(read(table, entry).segment, 4U << 16) << "only the counts of the segment are reset";
}

// Returns the octets that read() reports for a flow with 200 octets at the link layer and 100 at the IP layer. If the
// table keeps a separate count of accounted octets, this count is 10.
std::uint64_t bytes_of(Accounting accounting) {
  FlowTable table(1, 1, accounting);
  FlowEntry& entry = insert(table, key_number(1));
  table.start_segment(entry);
  entry.sides[0].link_octets = 200;
  entry.sides[0].ip_octets = 100;
  if (table.keeps_accounted_octets()) table.add_accounted_octets(entry, Direction::kSrcToDst, 10);
  const std::uint64_t bytes = read(table, entry).src_to_dst.bytes;
  table.start_segment(entry);
  EXPECT_EQ(read(table, entry).src_to_dst.bytes, 0U);
  return bytes;
}

TEST(FlowTable, ReadsTheOctetsOfItsAccounting) {
  EXPECT_EQ(bytes_of(Accounting::kLink), 200U);
  EXPECT_EQ(bytes_of(Accounting::kIp), 100U);
  EXPECT_EQ(bytes_of(Accounting::kTransport), 10U);
  EXPECT_EQ(bytes_of(Accounting::kPayload), 10U);
}

TEST(FlowDetails, RememberWhenTheConnectionClosed) {
  constexpr std::uint64_t kEnd = 1'795'574'700'684'123'456;
  FlowDetails details;
  for (const std::uint64_t before : {std::uint64_t{0}, std::uint64_t{1}, FlowDetails::kMostSinceClose}) {
    details.set_closed(kEnd - before);
    EXPECT_EQ(details.closed_ns(kEnd), kEnd - before);
  }
}

TEST(FlowTable, IsFullAtItsCapacity) {
  FlowTable table(3, 1);
  for (std::uint32_t i = 1; i <= 3; ++i) {
    EXPECT_FALSE(table.full());
    insert(table, key_number(i));
  }
  EXPECT_TRUE(table.full());
  EXPECT_EQ(table.size(), 3U);
  table.erase(*find(table, key_number(2)));
  EXPECT_FALSE(table.full());
  EXPECT_EQ(table.size(), 2U);
}

TEST(FlowTable, KeepsTheOrderOfUse) {
  FlowTable table(4, 1);
  for (std::uint32_t i = 1; i <= 3; ++i) insert(table, key_number(i), i * kMillisecond);
  EXPECT_THAT(order_of_use(table), ::testing::ElementsAre(1, 2, 3));
  table.touch(*find(table, key_number(1)), 500 * kMillisecond);
  EXPECT_THAT(order_of_use(table), ::testing::ElementsAre(2, 3, 1));
  table.erase(*find(table, key_number(3)));
  EXPECT_THAT(order_of_use(table), ::testing::ElementsAre(2, 1));
}

TEST(FlowTable, TheOrderOfUseIsNoFinerThan100Milliseconds) {
  FlowTable table(2, 1);
  FlowEntry& first = insert(table, key_number(1), 0);
  insert(table, key_number(2), 0);
  table.touch(first, 100 * kMillisecond - 1);
  EXPECT_THAT(order_of_use(table), ::testing::ElementsAre(1, 2));
  table.touch(first, 100 * kMillisecond);
  EXPECT_THAT(order_of_use(table), ::testing::ElementsAre(2, 1));
  EXPECT_EQ(first.touched_ms, 100U);
}

TEST(FlowTable, ConversationsHaveAnOrderOfUseOfTheirOwn) {
  FlowTable table(4, 1);
  for (std::uint32_t i = 1; i <= 4; ++i) insert(table, key_number(i), i * kMillisecond);
  table.begin_conversation(*find(table, key_number(3)), 5 * kMillisecond);
  table.begin_conversation(*find(table, key_number(1)), 6 * kMillisecond);
  EXPECT_THAT(order_of_use(table), ::testing::ElementsAre(2, 4));
  EXPECT_THAT(conversations(table), ::testing::ElementsAre(3, 1));
  table.touch(*find(table, key_number(3)), 500 * kMillisecond);
  EXPECT_THAT(conversations(table), ::testing::ElementsAre(1, 3));
  table.erase(*find(table, key_number(3)));
  table.erase(*find(table, key_number(4)));
  EXPECT_THAT(conversations(table), ::testing::ElementsAre(1));
  EXPECT_THAT(order_of_use(table), ::testing::ElementsAre(2));
  EXPECT_EQ(table.on_probation().size(), 1U);
}

TEST(FlowTable, KnowsTheLeastRecentlyUsedOfAll) {
  constexpr std::uint64_t kNow = 5'000 * kMillisecond;
  FlowTable table(3, 1);
  const auto port = [&table] { return table.at(table.least_recently_used(kNow)).key.src_port; };
  EXPECT_EQ(table.least_recently_used(kNow), kNoIndex);
  for (std::uint32_t i = 1; i <= 3; ++i) insert(table, key_number(i), i * 1'000 * kMillisecond);
  EXPECT_EQ(port(), 1);
  table.begin_conversation(*find(table, key_number(1)), 2'000 * kMillisecond);
  EXPECT_EQ(port(), 2) << "of two flows that moved in the same millisecond, the one on probation";
  table.erase(*find(table, key_number(2)));
  EXPECT_EQ(port(), 1) << "the conversation moved earlier than the flow on probation";
  table.erase(*find(table, key_number(3)));
  EXPECT_EQ(port(), 1);
}

TEST(FlowTable, KnowsWhenAnEntryWasTouched) {
  constexpr std::uint64_t kNow = 1'795'574'700'684'000'000;
  FlowTable table(1, 1);
  const FlowEntry* const entry = &insert(table, key_number(1), kNow);
  for (const std::uint64_t later :
       {std::uint64_t{0}, 7 * kMillisecond, kMillisecond / 2, 2'147'483'647 * kMillisecond}) {
    EXPECT_EQ(FlowTable::touched_ns(*entry, kNow + later), kNow) << later;
  }
  EXPECT_EQ(FlowTable::touched_ns(*entry, kNow - 5'000 * kMillisecond), kNow) << "the clock was ahead";
  EXPECT_EQ(FlowTable::touched_after_ns(*entry, kNow - 3 * kMillisecond), 3 * static_cast<std::int64_t>(kMillisecond));
  EXPECT_EQ(FlowTable::touched_after_ns(*entry, kNow + 3 * kMillisecond), -3 * static_cast<std::int64_t>(kMillisecond));
}

// Makes random inserts and erases of the keys with these numbers, and compares the table with a std::map.
void expect_as_the_model(std::uint32_t capacity, const std::vector<std::uint32_t>& numbers, unsigned seed) {
  FlowTable table(capacity, seed);
  std::mt19937 random(seed);
  std::map<std::uint32_t, FlowEntry*> model;
  const auto found = [&](std::uint32_t number) { return find(table, key_number(number)); };
  for (int step = 0; step < 20'000; ++step) {
    const std::uint32_t number = numbers[random() % numbers.size()];
    const auto known = model.find(number);
    if (known != model.end()) {
      ASSERT_EQ(found(number), known->second);
      if (random() % 2 == 0) {
        table.erase(*known->second);
        model.erase(known);
      }
    } else {
      ASSERT_EQ(found(number), nullptr);
      if (!table.full()) model[number] = &insert(table, key_number(number));
    }
    ASSERT_EQ(table.size(), model.size());
  }
  for (const auto& [number, entry] : model) ASSERT_EQ(found(number), entry);
  std::set<const FlowEntry*> in_order;
  for (std::uint32_t at = table.on_probation().front(); at != kNoIndex; at = table.on_probation().after(at)) {
    in_order.insert(&table.at(at));
  }
  EXPECT_EQ(in_order.size(), model.size());
}

// Returns twice as many key numbers as the table has room for. The upper `bits` bits of each key's hash, which select
// the home slot, are equal to `upper`.
std::vector<std::uint32_t> numbers_with(std::uint32_t capacity, unsigned seed, unsigned bits, std::uint32_t upper) {
  const FlowTable table(1, seed);
  std::vector<std::uint32_t> numbers;
  for (std::uint32_t number = 0; numbers.size() < 2 * std::size_t{capacity}; ++number) {
    if (std::uint64_t{table.hash(key_number(number))} >> (32 - bits) == upper) numbers.push_back(number);
  }
  return numbers;
}

TEST(FlowTable, BehavesAsAMapDoes) {
  for (const unsigned seed : {1U, 2U, 3U}) expect_as_the_model(100, numbers_with(100, seed, 0, 0), seed);
}

TEST(FlowTable, BehavesAsAMapDoesWithManyCollisions) {
  for (const unsigned seed : {4U, 5U, 6U}) expect_as_the_model(60, numbers_with(60, seed, 3, 5), seed);
}

// The home slots of all keys are among the last slots, so probing wraps around to the first slot.
TEST(FlowTable, BehavesAsAMapDoesWithOneSlotForAll) { expect_as_the_model(20, numbers_with(20, 7, 6, 63), 7); }

TEST(FlowTable, BehavesAsAMapDoesWithOneEntry) { expect_as_the_model(1, numbers_with(1, 8, 0, 0), 8); }

}  // namespace
}  // namespace spanflow::testing::flow_table_test

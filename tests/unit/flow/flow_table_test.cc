// Storage, index and order of a worker's flows.
#include "flow/flow_table.h"

#include <gmock/gmock.h>

#include <map>
#include <random>
#include <set>
#include <vector>

#include "support/packet_builder.h"

namespace spanflow::testing {
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

std::vector<std::uint16_t> order_of_use(FlowTable& table) {
  std::vector<std::uint16_t> ports;
  for (std::uint32_t at = table.by_use().front(); at != kNoIndex; at = table.by_use().after(at)) {
    ports.push_back(table.at(at).flow.src_port);
  }
  return ports;
}

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

// The full key decides, never the hash alone.
TEST(FlowTable, FlowsWithTheSameHashAreToldApart) {
  FlowTable table(8, 1);
  FlowEntry& first = table.insert(key_number(1), 77, 0);
  FlowEntry& second = table.insert(key_number(2), 77, 0);
  EXPECT_EQ(table.find(key_number(1), 77).entry, &first);
  EXPECT_EQ(table.find(key_number(2), 77).entry, &second);
  table.erase(first);
  EXPECT_EQ(table.find(key_number(1), 77).entry, nullptr);
  EXPECT_EQ(table.find(key_number(2), 77).entry, &second);
}

TEST(FlowTable, AReusedEntryStartsClean) {
  FlowTable table(1, 1);
  FlowEntry& used = insert(table, key_number(1));
  used.flow.src_to_dst = {.pkts = 1, .bytes = 2, .link_bytes = 3, .ip_bytes = 4, .tunnel_id = 5, .tcp_flags = 6};
  used.flow.segment = 7;
  used.state = EntryState::kClosed;
  used.syn_seen = used.fin_seen = 3;
  used.handshake.count = 4;
  used.initial_sequence[1] = 8;
  used.dpi_progress = DpiProgress::kDone;
  table.erase(used);
  const FlowEntry& entry = insert(table, key_number(2));
  EXPECT_EQ(&entry, &used);
  EXPECT_EQ(entry.flow.src_to_dst.pkts, 0U);
  EXPECT_EQ(entry.flow.src_to_dst.tcp_flags, 0);
  EXPECT_EQ(entry.flow.src_to_dst.tunnel_id, 0U);
  EXPECT_EQ(entry.flow.segment, 0U);
  EXPECT_EQ(entry.state, EntryState::kOpen);
  EXPECT_EQ(entry.syn_seen, 0);
  EXPECT_EQ(entry.fin_seen, 0);
  EXPECT_EQ(entry.handshake.count, 0);
  EXPECT_EQ(entry.initial_sequence[1], 0U);
  EXPECT_EQ(entry.dpi_progress, DpiProgress::kNotStarted);
  EXPECT_EQ(entry.dpi_state, kNoIndex);
  EXPECT_EQ(entry.flow.src_port, 2);
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
  EXPECT_EQ(first.touched_ns, 100 * kMillisecond);
}

TEST(EntryList, KeepsItsOrderWhateverIsRemoved) {
  ZeroedArray<FlowEntry> entries(5);
  EntryList list(entries, &FlowEntry::opening);
  const auto content = [&list] {
    std::vector<std::uint32_t> indexes;
    for (std::uint32_t at = list.front(); at != kNoIndex; at = list.after(at)) indexes.push_back(at);
    return indexes;
  };
  for (std::uint32_t i = 0; i < 5; ++i) list.push_back(i);
  list.remove(2);
  EXPECT_THAT(content(), ::testing::ElementsAre(0, 1, 3, 4));
  list.remove(0);
  EXPECT_THAT(content(), ::testing::ElementsAre(1, 3, 4));
  list.remove(4);
  EXPECT_THAT(content(), ::testing::ElementsAre(1, 3));
  list.push_back(2);
  EXPECT_THAT(content(), ::testing::ElementsAre(1, 3, 2));
  for (const std::uint32_t i : {1U, 3U, 2U}) list.remove(i);
  EXPECT_TRUE(list.empty());
}

// Compares a table with a std::map under random inserts and erases; `hash_bits` few makes long runs of collisions.
void expect_as_the_model(std::uint32_t capacity, unsigned hash_bits, unsigned seed) {
  FlowTable table(capacity, seed);
  std::mt19937 random(seed);
  const std::uint32_t hash_mask = hash_bits == 32 ? ~0U : (1U << hash_bits) - 1;
  std::map<std::uint32_t, FlowEntry*> model;
  const auto hash = [&](std::uint32_t number) { return table.hash(key_number(number)) & hash_mask; };
  const auto found = [&](std::uint32_t number) { return table.find(key_number(number), hash(number)).entry; };
  for (int step = 0; step < 20'000; ++step) {
    const std::uint32_t number = random() % (2 * capacity);
    const auto known = model.find(number);
    if (known != model.end()) {
      ASSERT_EQ(found(number), known->second);
      if (random() % 2 == 0) {
        table.erase(*known->second);
        model.erase(known);
      }
    } else {
      ASSERT_EQ(found(number), nullptr);
      if (!table.full()) model[number] = &table.insert(key_number(number), hash(number), 0);
    }
    ASSERT_EQ(table.size(), model.size());
  }
  for (const auto& [number, entry] : model) ASSERT_EQ(found(number), entry);
  std::set<const FlowEntry*> in_order;
  for (std::uint32_t at = table.by_use().front(); at != kNoIndex; at = table.by_use().after(at)) {
    in_order.insert(&table.at(at));
  }
  EXPECT_EQ(in_order.size(), model.size());
}

TEST(FlowTable, BehavesAsAMapDoes) {
  for (const unsigned seed : {1U, 2U, 3U}) expect_as_the_model(100, 32, seed);
}

TEST(FlowTable, BehavesAsAMapDoesWithManyCollisions) {
  for (const unsigned seed : {4U, 5U, 6U}) expect_as_the_model(60, 3, seed);
}

TEST(FlowTable, BehavesAsAMapDoesWithOneHashForAll) { expect_as_the_model(20, 0, 7); }

TEST(FlowTable, BehavesAsAMapDoesWithOneEntry) { expect_as_the_model(1, 32, 8); }

}  // namespace
}  // namespace spanflow::testing

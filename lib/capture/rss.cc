#include "capture/rss.h"

#include <rte_ethdev.h>
#include <rte_flow.h>
#include <rte_thash.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <random>

namespace spanflow {
namespace {

constexpr std::size_t kIpv4Pair = 8;
constexpr std::size_t kIpv6Pair = 32;
constexpr std::size_t kLeastKey = kIpv6Pair + 4;

std::vector<std::uint8_t> random_octets(std::mt19937& random, std::size_t count) {
  std::vector<std::uint8_t> octets(count);
  for (std::uint8_t& octet : octets) octet = static_cast<std::uint8_t>(random());
  return octets;
}

// Returns a redirection table in DPDK's form: groups of 64 entries. The mask of each group selects all of its entries.
std::vector<rte_eth_rss_reta_entry64> table_of(std::size_t entries) {
  std::vector<rte_eth_rss_reta_entry64> table((entries + RTE_ETH_RETA_GROUP_SIZE - 1) / RTE_ETH_RETA_GROUP_SIZE);
  for (auto& group : table) group.mask = ~std::uint64_t{0};
  return table;
}

std::uint16_t& entry(std::vector<rte_eth_rss_reta_entry64>& table, std::size_t index) {
  return table[index / RTE_ETH_RETA_GROUP_SIZE].reta[index % RTE_ETH_RETA_GROUP_SIZE];
}

std::vector<std::uint16_t> read_redirection_table(std::uint16_t port, std::uint16_t entries) {
  auto table = table_of(entries);
  if (entries == 0 || rte_eth_dev_rss_reta_query(port, table.data(), entries) != 0) return {};
  std::vector<std::uint16_t> queues(entries);
  for (std::size_t i = 0; i < entries; ++i) queues[i] = entry(table, i);
  return queues;
}

bool create_rss_rule(std::uint16_t port, rte_flow_item_type ip, std::uint64_t type,
                     std::span<const std::uint16_t> queues) {
  const rte_flow_attr attributes{.ingress = 1};
  const std::array<rte_flow_item, 3> pattern{
      {{.type = RTE_FLOW_ITEM_TYPE_ETH}, {.type = ip}, {.type = RTE_FLOW_ITEM_TYPE_END}}};
  const rte_flow_action_rss rss{.func = RTE_ETH_HASH_FUNCTION_SYMMETRIC_TOEPLITZ,
                                .types = type,
                                .queue_num = static_cast<std::uint32_t>(queues.size()),
                                .queue = queues.data()};
  const std::array<rte_flow_action, 2> actions{
      {{.type = RTE_FLOW_ACTION_TYPE_RSS, .conf = &rss}, {.type = RTE_FLOW_ACTION_TYPE_END}}};
  rte_flow_error error{};
  return rte_flow_create(port, &attributes, pattern.data(), actions.data(), &error) != nullptr;
}

}  // namespace

std::size_t rss_key_octets(std::size_t told) {
  constexpr std::size_t kUsual = 40;
  return told != 0 ? told : kUsual;
}

std::vector<std::uint8_t> symmetric_rss_key(std::size_t octets) {
  std::vector<std::uint8_t> key(octets);
  for (std::size_t i = 0; i < octets; ++i) key[i] = i % 2 == 0 ? 0x6d : 0x5a;
  return key;
}

std::uint32_t toeplitz_hash(std::span<const std::uint8_t> input, std::span<const std::uint8_t> key) {
  std::array<std::uint32_t, kIpv6Pair / 4 + 1> words{};  // rte_softrss expects these words in host byte order
  const std::size_t count = input.size() / 4;
  for (std::size_t i = 0; i < count; ++i) {
    std::memcpy(&words[i], &input[4 * i], 4);
    words[i] = rte_be_to_cpu_32(words[i]);
  }
  return rte_softrss(words.data(), static_cast<std::uint32_t>(count), key.data());
}

std::uint32_t RssLayout::queue_of(std::span<const std::uint8_t> addresses) const {
  const std::uint32_t hash = toeplitz_hash(addresses, key);
  return queues.empty() ? hash : queues[hash % queues.size()];
}

bool RssLayout::directions_meet() const {
  constexpr int kPairs = 256;
  if (key.size() < kLeastKey) return false;
  std::mt19937 random;  // the default seed: every run tests the same addresses
  for (int tried = 0; tried < kPairs; ++tried) {
    for (const std::size_t octets : {kIpv4Pair, kIpv6Pair}) {
      std::vector<std::uint8_t> pair = random_octets(random, octets);
      const std::uint32_t forward = queue_of(pair);
      std::rotate(pair.begin(), pair.begin() + static_cast<std::ptrdiff_t>(octets / 2), pair.end());
      if (queue_of(pair) != forward) return false;
    }
  }
  return true;
}

bool RssLayout::uses_all(std::uint16_t queue_count) const {
  if (queues.empty()) return true;
  for (std::uint16_t queue = 0; queue < queue_count; ++queue) {
    if (std::find(queues.begin(), queues.end(), queue) == queues.end()) return false;
  }
  return true;
}

bool distribute_evenly(std::uint16_t port, std::size_t entries, std::uint16_t queues) {
  auto table = table_of(entries);
  for (std::size_t i = 0; i < entries; ++i) entry(table, i) = static_cast<std::uint16_t>(i % queues);
  return rte_eth_dev_rss_reta_update(port, table.data(), static_cast<std::uint16_t>(entries)) == 0;
}

std::optional<RssLayout> read_rss_layout(std::uint16_t port) {
  rte_eth_dev_info info{};
  if (rte_eth_dev_info_get(port, &info) != 0) return std::nullopt;
  RssLayout layout;
  layout.key.resize(rss_key_octets(info.hash_key_size));
  rte_eth_rss_conf configuration{
      .rss_key = layout.key.data(), .rss_key_len = static_cast<std::uint8_t>(layout.key.size()), .rss_hf = 0};
  if (rte_eth_dev_rss_hash_conf_get(port, &configuration) != 0 || configuration.rss_hf == 0) return std::nullopt;
  layout.queues = read_redirection_table(port, info.reta_size);
  return layout;
}

std::uint64_t rss_types(std::uint64_t offered) {
  constexpr std::uint64_t kWithPorts = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP;
  return offered & ((offered & RTE_ETH_RSS_IPV4) != 0 ? RTE_ETH_RSS_IP : kWithPorts);
}

bool request_symmetric_rss(std::uint16_t port, std::uint16_t queues) {
  std::vector<std::uint16_t> all(queues);
  std::iota(all.begin(), all.end(), std::uint16_t{0});
  return create_rss_rule(port, RTE_FLOW_ITEM_TYPE_IPV4, RTE_ETH_RSS_IPV4, all) &&
         create_rss_rule(port, RTE_FLOW_ITEM_TYPE_IPV6, RTE_ETH_RSS_IPV6, all);
}

}  // namespace spanflow

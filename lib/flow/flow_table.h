// A worker's flows: storage, index and orders. When a flow ends is the FlowCache's business.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/flow_hash.h"
#include "base/index_list.h"
#include "base/zeroed_array.h"
#include "config/config.h"
#include "flow/flow_entry.h"
#include "spanflow/record.h"

namespace spanflow {

// One per worker; not thread-safe. Preallocated: nothing is allocated after construction. Entries do not move.
//
// The order of use is a segmented LRU (Karedla, Love and Wherry: "Caching strategies to improve disk system
// performance", IEEE Computer 27(3), 1994): a new flow is on probation until begin_conversation(), and the two segments
// have an order each, so that a flood of new flows does not push conversations out.
class FlowTable {
 public:
  struct Found {
    FlowEntry* entry;
    Direction direction;
  };

  // `seed` keys the hash, so that nobody can choose flows that collide. `accounting` says which octets read() reports.
  FlowTable(std::uint32_t capacity, std::uint64_t seed, Accounting accounting = Accounting::kIp);

  std::uint32_t hash(const FlowKey& key) const { return static_cast<std::uint32_t>(hash_(key) >> 32); }
  // Two passes over a burst before find(): the first fetches the home slot, the second the entry that the slot names.
  // The second returns the entry's index, kNoIndex if there is none.
  void prefetch_slot(std::uint32_t hash) const { __builtin_prefetch(&slots_[home_slot(hash)]); }
  std::uint32_t prefetch_entry(std::uint32_t hash) const;

  // `hash` is always that of the key. `entry` is nullptr if the flow is not in the table.
  Found find(const FlowKey& key, std::uint32_t hash);
  // A new entry with this key, on probation, last in the order of use. The table must not be full.
  FlowEntry& insert(const FlowKey& key, std::uint32_t hash, std::uint64_t now_ns);
  void erase(FlowEntry& entry);
  // Moves the entry to the end of its order of use, at most every 100 ms: the order is no finer than that. The clock
  // must not go back while there are entries.
  void touch(FlowEntry& entry, std::uint64_t now_ns);
  // When the entry last moved, to the millisecond, if that is less than 49 days ago; 0 if the clock did not know the
  // time then.
  static std::uint64_t touched_ns(const FlowEntry& entry, std::uint64_t now_ns);
  // Moves an entry that is on probation to the end of the conversations.
  void begin_conversation(FlowEntry& entry, std::uint64_t now_ns);

  bool full() const { return size_ == capacity(); }
  std::uint32_t capacity() const { return static_cast<std::uint32_t>(entries_.size()); }
  std::uint32_t size() const { return size_; }
  std::uint32_t index_of(const FlowEntry& entry) const { return static_cast<std::uint32_t>(&entry - &entries_[0]); }
  FlowEntry& at(std::uint32_t index) { return entries_[index]; }
  FlowDetails& details(const FlowEntry& entry) { return details_[index_of(entry)]; }
  const FlowDetails& details(const FlowEntry& entry) const { return details_[index_of(entry)]; }

  // Sets the counts of the segment to zero.
  void start_segment(FlowEntry& entry);
  // Counts an active cut.
  void next_segment(FlowEntry& entry);
  // An entry's element of a side array. It is zero when it is first asked for.
  CounterHighBits& high_bits(FlowEntry& entry);
  Tags& tags(FlowEntry& entry);
  TunnelIds& tunnel_ids(FlowEntry& entry);
  LoadShedding& load_shedding(FlowEntry& entry);
  bool sheds_features(const FlowEntry& entry) const {
    return entry.has_load_shedding && load_shedding_[index_of(entry)].features != 0;
  }
  // False: the octets of flow.accounting are those of the link or of the IP layer.
  bool keeps_accounted_octets() const { return accounted_octets_.size() > 0; }
  void add_accounted_octets(const FlowEntry& entry, Direction direction, std::uint64_t octets) {
    accounted_octets_[index_of(entry)].sides[direction_index(direction)] += octets;
  }

  // The flow as records and user metrics see it, except for its metrics.
  void read(const FlowEntry& entry, Flow& flow) const;
  void read(const FlowEntry& entry, Direction direction, FlowSide& side) const;

  // The orders of use.
  IndexList& on_probation() { return on_probation_; }
  IndexList& conversations() { return conversations_; }
  // The first of both orders; in the same millisecond, the one on probation. kNoIndex if the table is empty.
  std::uint32_t least_recently_used(std::uint64_t now_ns) const;
  IndexList& by_opening() { return by_opening_; }  // open segments by age
  IndexList& by_close() { return by_close_; }      // closed segments by the time of close

  // Bytes for this capacity, without the side arrays.
  static std::size_t octets(std::uint32_t capacity);

 private:
  struct Slot {
    std::uint32_t hash;
    std::uint32_t entry;  // its index plus 1; 0: free, as zeroed memory is
  };

  static std::uint32_t slots_for(std::uint32_t capacity);
  std::uint32_t slot_count() const { return static_cast<std::uint32_t>(slots_.size()); }
  std::uint32_t home_slot(std::uint32_t hash) const {
    return static_cast<std::uint32_t>(std::uint64_t{hash} * slots_.size() >> 32);
  }
  std::uint32_t after(std::uint32_t slot) const { return slot + 1 == slot_count() ? 0 : slot + 1; }
  // Steps of probing from one slot to another.
  std::uint32_t distance(std::uint32_t from, std::uint32_t to) const {
    return to >= from ? to - from : to + slot_count() - from;
  }
  void release_slot(std::uint32_t slot);
  IndexList& order_of(const FlowEntry& entry) { return entry.is_conversation ? conversations_ : on_probation_; }
  void move_to(IndexList& order, FlowEntry& entry, std::uint64_t now_ns);

  SymmetricHash hash_;
  ZeroedArray<FlowEntry> entries_;
  ZeroedArray<FlowDetails> details_;
  ZeroedArray<Links> use_;
  ZeroedArray<Links> opening_;
  ZeroedArray<Slot> slots_;
  // Side arrays.
  ZeroedArray<CounterHighBits> high_bits_;
  ZeroedArray<Tags> tags_;
  ZeroedArray<TunnelIds> tunnel_ids_;
  ZeroedArray<LoadShedding> load_shedding_;
  ZeroedArray<AccountedOctets> accounted_octets_;  // empty if not kept
  Accounting accounting_;
  std::uint32_t size_ = 0;
  std::uint32_t unused_ = 0;       // entries from here on were never used
  std::uint32_t free_ = kNoIndex;  // erased entries, a chain through Links::next of use_
  IndexList on_probation_;
  IndexList conversations_;
  IndexList by_opening_;
  IndexList by_close_;
};

}  // namespace spanflow

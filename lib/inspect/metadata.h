// Metadata of flows: names, fingerprints and requests from the packets of a flow. The metadata of a flow is encoded as
// one string of octets, which can be stored, copied and passed on as a whole.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/zeroed_array.h"
#include "spanflow/record.h"
#include "telemetry/counters.h"

namespace spanflow {

// Appends an item to `octets`, in the encoding that FlowMetadata reads. A text of more than 8192 octets is cut. An
// empty text is not appended. The elements of a list are items with the same key.
void put(std::string& octets, Metadata key, std::string_view text);
void put(std::string& octets, Metadata key, std::uint64_t number);

constexpr std::uint64_t metadata_bit(Metadata key) { return std::uint64_t{1} << static_cast<unsigned>(key); }
static_assert(static_cast<unsigned>(Metadata::kRiskScore) < 64);

// Values of Metadata::kTlsEch.
inline constexpr std::uint64_t kEchOffered = 1;
inline constexpr std::uint64_t kEchAccepted = 2;

// A set of keys.
class MetadataSet {
 public:
  constexpr MetadataSet() = default;
  constexpr MetadataSet(std::initializer_list<Metadata> keys) {
    for (const Metadata key : keys) bits_ |= metadata_bit(key);
  }
  constexpr bool has(Metadata key) const { return (bits_ & metadata_bit(key)) != 0; }
  // `keys` is FlowMetadata::keys.
  constexpr bool has_any(std::uint64_t keys) const { return (bits_ & keys) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr void add(const MetadataSet& keys) { bits_ |= keys.bits_; }

 private:
  std::uint64_t bits_ = 0;
};

// Stores the metadata of a worker's flows in an arena of fixed size. One object per worker; not thread-safe. `flow` is
// the index of the flow's entry in the flow table. `counters` must outlive the store.
//
// A flow can have one chunk while any is free. It can have more up to a multiple of its share of the free chunks, which
// is their number divided by that of all flows. So flows with long texts are refused first, and leave memory to others.
class MetadataStore {
 public:
  // `octets` is the size of the arena; a part that was never used takes no memory. `flows` is the number of flows in
  // the table.
  MetadataStore(std::uint64_t octets, std::uint32_t flows, Counters& counters);

  // append() adds `octets` to the metadata of the flow, and replace() replaces the metadata. If the arena has too
  // little room for so much of one flow, both change nothing, count this, and return false.
  bool append(std::uint32_t flow, std::string_view octets);
  bool replace(std::uint32_t flow, std::string_view octets);
  // Replaces the content of `octets` by the metadata of the flow.
  void read(std::uint32_t flow, std::string& octets) const;
  bool has_any(std::uint32_t flow) const { return heads_[flow] != kNone; }
  // Frees the metadata of the flow.
  void release(std::uint32_t flow);

 private:
  static constexpr std::uint32_t kNone = 0;
  struct Chunk {
    std::uint32_t next;  // index of the next chunk; kNone in the last chunk
    std::uint8_t used;   // number of octets in `octets`
    char octets[123];
  };
  static_assert(sizeof(Chunk) == 128);

  static std::size_t chunks_for(std::size_t octets) {
    return (octets + sizeof(Chunk::octets) - 1) / sizeof(Chunk::octets);
  }
  std::uint32_t take_chunk();
  bool may_have(std::size_t chunks, std::size_t more);
  void write(std::uint32_t flow, std::string_view octets);

  Counters& counters_;
  ZeroedArray<std::uint32_t> heads_;  // the first chunk of each flow; kNone without metadata
  ZeroedArray<Chunk> chunks_;         // chunk 0 is never used, because its index is kNone
  std::uint32_t unused_ = 1;          // chunks from this index on were never used
  std::uint32_t free_ = kNone;        // the first free chunk; Chunk::next links the free chunks
  std::size_t free_count_ = 0;
};

// The metadata of one flow, while a reader reads a packet of the flow. One object per worker, opened for one flow after
// the other. The memory of the object is used again, so that reading a packet allocates nothing.
class Findings {
 public:
  // `store` must outlive the object.
  explicit Findings(MetadataStore& store) : store_(store) {}

  // Begins with the metadata that the store has of the flow.
  void open(std::uint32_t flow) {
    flow_ = flow;
    loaded_ = changed_ = false;
  }
  bool has(Metadata key);
  std::string_view text(Metadata key);
  std::optional<std::uint64_t> number(Metadata key);
  // Calls `take` with each element of a list.
  template <typename Take>
  void for_each(Metadata key, Take take) {
    load();
    metadata_.for_each(key, take);
  }
  // Keeps the first value of a key: changes nothing if the flow has the key.
  void put(Metadata key, std::string_view text);
  void put(Metadata key, std::uint64_t number);
  // Keeps the last value of a key. An empty text removes the key.
  void set(Metadata key, std::string_view text);
  void set(Metadata key, std::uint64_t number);
  // Appends an element to a list. The caller limits the number of elements.
  void add(Metadata key, std::string_view element);
  // Writes the changes to the store.
  void close();

 private:
  void load();
  void remove(Metadata key);

  MetadataStore& store_;
  std::uint32_t flow_ = 0;
  bool loaded_ = false;
  bool changed_ = false;
  FlowMetadata metadata_;
};

}  // namespace spanflow

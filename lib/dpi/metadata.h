// Metadata of flows: names, fingerprints and requests from their packets. The metadata of a flow is encoded as one
// string of octets, so that it can be stored, copied and passed on as a whole.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/zeroed_array.h"
#include "spanflow/record.h"

namespace spanflow {

// Appends an item to `octets`, for FlowMetadata to read. A text is cut at 1024 octets. An empty text is left out.
void put(std::string& octets, Metadata key, std::string_view text);
void put(std::string& octets, Metadata key, std::uint64_t number);

// Stores the metadata of a worker's flows as chains of chunks from a fixed arena. One per worker; not thread-safe. The
// number of a chain is that of its first chunk; the empty chain is kNone.
class MetadataStore {
 public:
  static constexpr std::uint32_t kNone = 0;

  // `octets` is the size of the arena. Chunks that were never used take no memory.
  explicit MetadataStore(std::uint64_t octets);

  // Appends to the chain, which may be kNone. If the arena is full, appends nothing and returns false.
  bool append(std::uint32_t& chain, std::string_view octets);
  // Replaces the content of `octets` by that of the chain.
  void read(std::uint32_t chain, std::string& octets) const;
  // Frees the chain, and sets `chain` to kNone.
  void release(std::uint32_t& chain);

 private:
  struct Chunk {
    std::uint32_t next;
    std::uint8_t used;
    char octets[123];
  };
  static_assert(sizeof(Chunk) == 128);

  std::uint32_t take_chunk();
  bool has_room(std::size_t chunks) const;

  ZeroedArray<Chunk> chunks_;  // the first chunk is never used
  std::uint32_t unused_ = 1;   // chunks from this index on were never used
  std::uint32_t free_ = kNone;
  std::size_t free_count_ = 0;
};

}  // namespace spanflow

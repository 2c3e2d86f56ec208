// Metadata of flows: names, fingerprints and requests from their packets. It is encoded as one string of octets, so
// that it can be stored, copied and passed on as a whole.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/zeroed_array.h"
#include "spanflow/record.h"

namespace spanflow {

// Append an item to `octets`, which FlowMetadata reads. A text is cut at 1024 octets; an empty one is left out.
void put(std::string& octets, Metadata key, std::string_view text);
void put(std::string& octets, Metadata key, std::uint64_t number);

// The metadata of a worker's flows, as chains of chunks from a fixed arena. One per worker; not thread-safe. A chain is
// identified by its first chunk, the empty chain by kNone.
class MetadataStore {
 public:
  static constexpr std::uint32_t kNone = 0;

  // `octets` is the size of the arena; chunks that were never used take no memory.
  explicit MetadataStore(std::uint64_t octets);

  // Appends to the chain, which may be kNone. If there is no room, appends nothing and returns false.
  bool append(std::uint32_t& chain, std::string_view octets);
  // Replaces the content of `octets`.
  void read(std::uint32_t chain, std::string& octets) const;
  // Frees the chain, which becomes kNone.
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

  ZeroedArray<Chunk> chunks_;  // the first is never used
  std::uint32_t unused_ = 1;   // chunks from here on were never used
  std::uint32_t free_ = kNone;
  std::size_t free_count_ = 0;
};

}  // namespace spanflow

// What a flow's packets say in words: names, fingerprints, requests. Encoded as one string of octets, so that it can be
// kept, copied and passed on whole.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/zeroed_array.h"
#include "spanflow/record.h"

namespace spanflow {

// Appends to `octets`, which FlowMetadata reads. Texts are cut at 1024 octets; empty ones are left out.
void put(std::string& octets, Metadata key, std::string_view text);
void put(std::string& octets, Metadata key, std::uint64_t number);

// The metadata of a worker's flows, in chains of chunks of a fixed arena. One per worker; not thread-safe. A chain is
// named by its first chunk; kNone names the empty one.
class MetadataStore {
 public:
  static constexpr std::uint32_t kNone = 0;

  // `octets` in all; only what is used takes memory.
  explicit MetadataStore(std::uint64_t octets);

  // Adds to the chain, which may be kNone; false, and nothing added, if there is no room.
  bool append(std::uint32_t& chain, std::string_view octets);
  void read(std::uint32_t chain, std::string& octets) const;
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

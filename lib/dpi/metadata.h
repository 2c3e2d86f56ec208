// Metadata of flows: names, fingerprints and requests from the packets of a flow. The metadata of a flow is encoded as
// one string of octets, which can be stored, copied and passed on as a whole.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/zeroed_array.h"
#include "spanflow/record.h"

namespace spanflow {

// Appends an item to `octets`, in the encoding that FlowMetadata reads. A text of more than 1024 octets is cut. An
// empty text is not appended.
void put(std::string& octets, Metadata key, std::string_view text);
void put(std::string& octets, Metadata key, std::uint64_t number);

// Stores the metadata of a worker's flows as chains of chunks in an arena of fixed size. One object per worker; not
// thread-safe. A chain is identified by the index of its first chunk. The empty chain is kNone.
class MetadataStore {
 public:
  static constexpr std::uint32_t kNone = 0;

  // `octets` is the size of the arena. A chunk that was never used takes no memory.
  explicit MetadataStore(std::uint64_t octets);

  // Appends `octets` to the chain. If the chain is kNone, sets `chain` to a new chain. If the arena has too little
  // room, appends nothing and returns false.
  bool append(std::uint32_t& chain, std::string_view octets);
  // Replaces the content of `octets` by the content of the chain.
  void read(std::uint32_t chain, std::string& octets) const;
  // Frees the chain, and sets `chain` to kNone.
  void release(std::uint32_t& chain);

 private:
  struct Chunk {
    std::uint32_t next;  // index of the next chunk; kNone in the last chunk
    std::uint8_t used;   // number of octets in `octets`
    char octets[123];
  };
  static_assert(sizeof(Chunk) == 128);

  std::uint32_t take_chunk();
  bool has_room(std::size_t chunks) const;

  ZeroedArray<Chunk> chunks_;   // chunk 0 is never used, because its index is kNone
  std::uint32_t unused_ = 1;    // chunks from this index on were never used
  std::uint32_t free_ = kNone;  // the first free chunk; Chunk::next links the free chunks
  std::size_t free_count_ = 0;
};

}  // namespace spanflow

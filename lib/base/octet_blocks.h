// A pool of buffers of one size. The pool reuses a buffer when only the pool holds a reference to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace spanflow {

// Used by one thread. The same thread must release the blocks that it took, because use_count() does not synchronise
// threads. The pool keeps all blocks until it is destroyed.
class OctetBlocks {
 public:
  using Block = std::shared_ptr<std::vector<std::uint8_t>>;

  explicit OctetBlocks(std::size_t octets) : octets_(octets) {}

  Block take() {
    for (const Block& block : blocks_) {
      if (block.use_count() == 1) return block;
    }
    blocks_.push_back(std::make_shared<std::vector<std::uint8_t>>(octets_));
    return blocks_.back();
  }

  // Returns `block` itself if only the caller and the pool hold it. Otherwise returns another block.
  Block renew(Block block) {
    constexpr long kPoolAndCaller = 2;
    return block.use_count() == kPoolAndCaller ? std::move(block) : take();
  }

 private:
  std::size_t octets_;
  std::vector<Block> blocks_;
};

}  // namespace spanflow

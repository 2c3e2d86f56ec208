// Buffers of one size that are used again once nobody holds them any more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace spanflow {

// One thread, which is also the one that lets go of what it took. Keeps every block alive to its own end.
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

  // `block` itself if the caller alone holds it, else another.
  Block renew(Block block) {
    constexpr long kPoolAndCaller = 2;
    return block.use_count() == kPoolAndCaller ? std::move(block) : take();
  }

 private:
  std::size_t octets_;
  std::vector<Block> blocks_;
};

}  // namespace spanflow

// Passes blocks of work from one thread to another without copying them. Full blocks go through one lock-free
// single-producer single-consumer queue; empty blocks come back through a second one.
#pragma once

#include <boost/lockfree/spsc_queue.hpp>
#include <cstddef>
#include <memory>
#include <vector>

namespace spanflow {

// Owns its blocks. One thread may call the producer's functions, and one other thread may call the consumer's
// functions. No function blocks.
template <typename Block>
class BlockRing {
 public:
  // Constructs each block from `arguments`.
  template <typename... Arguments>
  explicit BlockRing(std::size_t blocks, const Arguments&... arguments) : full_(blocks), empty_(blocks) {
    for (std::size_t i = 0; i < blocks; ++i) {
      blocks_.push_back(std::make_unique<Block>(arguments...));
      empty_.push(blocks_.back().get());
    }
  }

  // For the producer: returns an empty block, or nullptr if the consumer holds all blocks.
  Block* take_empty() {
    Block* block = nullptr;
    return empty_.pop(block) ? block : nullptr;
  }
  void push(Block* block) { full_.push(block); }  // never fails, because the queue has room for every block
  std::size_t empty_blocks() const { return empty_.read_available(); }
  std::size_t blocks() const { return blocks_.size(); }

  // For the consumer: returns the oldest full block, or nullptr if there is none.
  Block* pop() {
    Block* block = nullptr;
    return full_.pop(block) ? block : nullptr;
  }
  void give_back(Block* block) { empty_.push(block); }
  std::size_t full_blocks() const { return full_.read_available(); }

 private:
  std::vector<std::unique_ptr<Block>> blocks_;
  boost::lockfree::spsc_queue<Block*> full_;
  boost::lockfree::spsc_queue<Block*> empty_;
};

}  // namespace spanflow

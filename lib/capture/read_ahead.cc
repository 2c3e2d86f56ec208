#include "capture/read_ahead.h"

#include <algorithm>

#include "capture/backoff.h"

namespace spanflow {
namespace {

constexpr std::size_t kBursts = 64;
// The reading thread may sleep when the ring is full, because the worker needs 1 ms or more for the bursts of a full
// ring. The worker may sleep when the ring is empty, because a pipe may have no data for a long time.
constexpr Backoff::Steps kForRoom{.pauses = 0, .longest_sleep = Backoff::Microseconds{200}};
constexpr Backoff::Steps kForPackets{.pauses = 0, .longest_sleep = Backoff::Microseconds{2000}};

}  // namespace

ReadAhead::ReadAhead(std::unique_ptr<PacketSource> source) : source_(std::move(source)), ring_(kBursts) {}

ReadAhead::~ReadAhead() {
  given_up_ = true;
  thread_.join();
}

void ReadAhead::attach_thread() { thread_.begin(); }

Burst ReadAhead::poll() {
  if (block_ != nullptr && block_->burst.state == Burst::State::kEnd) return block_->burst;
  if (block_ != nullptr) ring_.give_back(block_);
  block_ = &wait_for_block();
  if (block_->failure != nullptr) {
    block_->burst = {.state = Burst::State::kEnd, .now_ns = block_->burst.now_ns};
    std::rethrow_exception(std::exchange(block_->failure, nullptr));
  }
  prefetch_headers(block_->burst.packets);
  return block_->burst;
}

// The wait is about 100 ms or less, because the reading thread also delivers idle bursts; see PacketSource::poll().
ReadAhead::Block& ReadAhead::wait_for_block() {
  Backoff backoff(kForPackets);
  for (;;) {
    if (Block* block = ring_.pop()) return *block;
    backoff.wait();
  }
}

void ReadAhead::run() {
  source_->attach_thread();
  while (Block* block = take_empty()) {
    read(*block);
    const bool last = block->burst.state == Burst::State::kEnd || block->failure != nullptr;
    ring_.push(block);
    if (last) return;
  }
}

// Waits for an empty block. Returns nullptr if the destructor has set given_up_.
ReadAhead::Block* ReadAhead::take_empty() {
  Backoff backoff(kForRoom);
  while (!given_up_) {
    if (Block* block = ring_.take_empty()) return block;
    backoff.wait();
  }
  return nullptr;
}

void ReadAhead::read(Block& block) {
  try {
    block.memory.reset();  // releases the memory of the burst that the block held before
    block.burst = source_->poll();
    block.memory = source_->memory();
    std::copy(block.burst.packets.begin(), block.burst.packets.end(), block.packets.begin());
    block.burst.packets = std::span(block.packets).first(block.burst.packets.size());
  } catch (...) {
    block.failure = std::current_exception();
  }
}

}  // namespace spanflow

// Linked lists of array elements. The links are array indexes.
#pragma once

#include <cstdint>
#include <limits>

#include "base/zeroed_array.h"

namespace spanflow {

inline constexpr std::uint32_t kNoIndex = std::numeric_limits<std::uint32_t>::max();

struct Links {
  std::uint32_t previous = kNoIndex;
  std::uint32_t next = kNoIndex;
};

// A doubly linked list. Two lists may share `links` if no element is in both lists at the same time. front() of an
// empty list and after() of the last element return kNoIndex.
class IndexList {
 public:
  explicit IndexList(ZeroedArray<Links>& links) : links_(links) {}

  bool empty() const { return size_ == 0; }
  std::uint32_t size() const { return size_; }
  std::uint32_t front() const { return head_; }
  std::uint32_t after(std::uint32_t index) const { return links_[index].next; }

  void push_back(std::uint32_t index) {
    links_[index] = {.previous = tail_, .next = kNoIndex};
    (tail_ == kNoIndex ? head_ : links_[tail_].next) = index;
    tail_ = index;
    ++size_;
  }

  void remove(std::uint32_t index) {
    // Two loads, because the CPU would delay one load of both links: remove() of a neighbour may just have stored one.
    const std::uint32_t previous = links_[index].previous;
    const std::uint32_t next = links_[index].next;
    (previous == kNoIndex ? head_ : links_[previous].next) = next;
    (next == kNoIndex ? tail_ : links_[next].previous) = previous;
    --size_;
  }

 private:
  ZeroedArray<Links>& links_;
  std::uint32_t head_ = kNoIndex;
  std::uint32_t tail_ = kNoIndex;
  std::uint32_t size_ = 0;
};

}  // namespace spanflow

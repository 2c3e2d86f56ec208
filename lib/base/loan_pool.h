// A fixed number of objects that are lent and returned.
#pragma once

#include <cassert>
#include <cstdint>

#include "base/index_list.h"
#include "base/zeroed_array.h"

namespace spanflow {

// The pool knows the oldest loan; renew() makes a loan the newest. If all objects are lent, the caller can take back
// the oldest one. An object keeps its content from one loan to the next.
template <typename T>
class LoanPool {
 public:
  explicit LoanPool(std::uint32_t size) : objects_(size), ages_(size) {}

  bool all_lent() const { return free_ == kNoIndex && unused_ == objects_.size(); }
  // Returns the index of the lent object. Must not be called while all objects are lent.
  std::uint32_t lend() {
    assert(!all_lent());
    std::uint32_t index = free_;
    if (index != kNoIndex) {
      free_ = ages_[index].next;
    } else {
      index = unused_++;
    }
    lent_.push_back(index);
    return index;
  }
  void take_back(std::uint32_t index) {
    lent_.remove(index);
    ages_[index].next = free_;
    free_ = index;
  }

  void renew(std::uint32_t index) {
    lent_.remove(index);
    lent_.push_back(index);
  }

  T& operator[](std::uint32_t index) { return objects_[index]; }
  // oldest() and after() iterate over the lent objects, oldest first. After the last object they return kNoIndex.
  std::uint32_t oldest() const { return lent_.front(); }
  std::uint32_t after(std::uint32_t index) const { return lent_.after(index); }

 private:
  ZeroedArray<T> objects_;
  ZeroedArray<Links> ages_;
  IndexList lent_{ages_};
  std::uint32_t unused_ = 0;       // objects from this index on were never lent
  std::uint32_t free_ = kNoIndex;  // first object in the list of returned objects; Links::next leads to the next one
};

}  // namespace spanflow

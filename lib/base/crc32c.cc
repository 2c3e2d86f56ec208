#include "base/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>

namespace spanflow {
namespace {

// ISA-L takes the length as an int, so the octets are passed in steps of 1 GiB. ISA-L takes a non-const buffer,
// although it only reads the buffer.
std::uint32_t extend(std::uint32_t state, std::string_view octets) {
  constexpr std::size_t kStep = std::size_t{1} << 30;
  for (; !octets.empty(); octets.remove_prefix(std::min(octets.size(), kStep))) {
    auto* const start = reinterpret_cast<unsigned char*>(const_cast<char*>(octets.data()));
    state = crc32_iscsi(start, static_cast<int>(std::min(octets.size(), kStep)), state);
  }
  return state;
}

constexpr std::uint32_t kStart = 0xFFFFFFFF;

}  // namespace

std::uint32_t crc32c(std::string_view octets) { return ~extend(kStart, octets); }

std::uint32_t crc32c(std::string_view first, std::string_view second) { return ~extend(extend(kStart, first), second); }

}  // namespace spanflow

// CRC-32C (Castagnoli, RFC 3720), which tells torn and rotten octets on a disk.
#pragma once

#include <cstdint>
#include <string_view>

namespace spanflow {

std::uint32_t crc32c(std::string_view octets);
// Of what is stored in two pieces, one after the other.
std::uint32_t crc32c(std::string_view first, std::string_view second);

}  // namespace spanflow

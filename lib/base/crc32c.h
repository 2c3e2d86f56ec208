// CRC-32C (Castagnoli, RFC 3720): detects torn writes and damaged data on a disk.
#pragma once

#include <cstdint>
#include <string_view>

namespace spanflow {

std::uint32_t crc32c(std::string_view octets);
// Returns the checksum of `first` followed by `second`.
std::uint32_t crc32c(std::string_view first, std::string_view second);

}  // namespace spanflow

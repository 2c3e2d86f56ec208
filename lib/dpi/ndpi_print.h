// Printing for nDPI, which does it number by number.
//
// nDPI prints the ciphers and extensions of a TLS hello for its JA3, and its digests octet by octet: some seventy calls
// of snprintf for each hello, which took a fifth of a worker's time. Where nDPI is linked from its archive, the linker
// sends them here (--wrap in meson.build): decision 0008.
#pragma once

#include <cstdarg>
#include <cstddef>
#include <optional>

namespace spanflow {

// vsnprintf for formats of text, %s, %u, and %x and %X with zeros in front ("%02x"): the same octets in `buffer`, the
// same result. Nothing where the format holds anything else; the buffer's content is then undefined.
std::optional<int> print(char* buffer, std::size_t size, const char* format, std::va_list arguments);

}  // namespace spanflow

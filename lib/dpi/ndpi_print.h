// Faster printing for nDPI, which prints number by number.
//
// nDPI prints the ciphers and extensions of a TLS hello for its JA3, and its digests octet by octet: some seventy calls
// of snprintf for each hello, which took a fifth of a worker's time. Where nDPI is linked from its archive, the linker
// redirects these calls to this file (--wrap in meson.build): decision 0008.
#pragma once

#include <cstdarg>
#include <cstddef>
#include <optional>

namespace spanflow {

// vsnprintf for formats with text, %s, %u, and %x and %X with leading zeros ("%02x"): the same octets in `buffer` and
// the same result. Returns nothing if the format has anything else; the buffer's content is then undefined.
std::optional<int> print(char* buffer, std::size_t size, const char* format, std::va_list arguments);

}  // namespace spanflow

// Faster printing for nDPI, which prints numbers one by one.
//
// For the JA3 of a TLS hello, nDPI prints the ciphers and extensions one by one, and its digests octet by octet. This
// took some seventy calls of snprintf for each hello, and a fifth of a worker's time. If nDPI is linked from its static
// archive, the linker redirects these calls to this file (--wrap in meson.build), see decision 0008.
#pragma once

#include <cstdarg>
#include <cstddef>
#include <optional>

namespace spanflow {

// Like vsnprintf, for formats with text, %s, %u, and %x and %X with leading zeros ("%02x"): writes the same octets to
// `buffer` and returns the same result. If the format contains anything else, returns nothing, and the content of
// `buffer` is undefined.
std::optional<int> print(char* buffer, std::size_t size, const char* format, std::va_list arguments);

}  // namespace spanflow

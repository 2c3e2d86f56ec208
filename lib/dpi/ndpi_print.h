// A faster snprintf and sprintf for nDPI.
//
// For the JA3 fingerprint of a TLS hello, nDPI calls snprintf for each cipher, for each extension, and for each octet
// of its digests. These calls, some seventy for each hello, took a fifth of a worker's time. If nDPI is linked from its
// static archive, the linker redirects the calls to this file (--wrap in meson.build). See decision 0008.
#pragma once

#include <cstdarg>
#include <cstddef>
#include <optional>

namespace spanflow {

// While this is true in a thread, nDPI's calls of snprintf for JA3 print nothing in that thread, and nDPI stops. It
// uses two formats for the numbers and the hash. (It also prints a fingerprint of DHCP with one of them, which is not
// used.)
extern thread_local bool leave_out_ja3;
// True if a call of snprintf with this format prints nothing now.
bool is_left_out(const char* format);

// Like vsnprintf, but only for formats with text, %s, %u, %x and %X. A number may have a width with leading zeros, such
// as "%02x". Writes the same octets to `buffer` and returns the same result as vsnprintf. For any other format and for
// a null text, returns nullopt; the content of `buffer` is then undefined.
std::optional<int> print(char* buffer, std::size_t size, const char* format, std::va_list arguments);

}  // namespace spanflow

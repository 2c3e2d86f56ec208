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

// While this is true in a thread, print() leaves out the numbers of JA3 in that thread: it prints nothing for the
// format that only JA3 has in nDPI (and a fingerprint of DHCP that is not used), and nDPI then stops.
extern thread_local bool leave_out_ja3;

// Like vsnprintf, but only for formats with text, %s, %u, %x and %X. A number may have a width with leading zeros, such
// as "%02x". Writes the same octets to `buffer` and returns the same result as vsnprintf. For any other format and for
// a null text, returns nullopt; the content of `buffer` is then undefined.
std::optional<int> print(char* buffer, std::size_t size, const char* format, std::va_list arguments);

}  // namespace spanflow

// The names of TLS cipher suites.
#pragma once

#include <cstdint>
#include <string_view>

namespace spanflow {

// Returns IANA's name of a cipher suite, such as "TLS_AES_128_GCM_SHA256". Returns an empty text for an unknown number.
std::string_view cipher_name(std::uint16_t number);

}  // namespace spanflow

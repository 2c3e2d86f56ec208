// JA4, the fingerprint of TLS clients: the open part of JA4+, as technical_details/JA4.md of
// https://github.com/FoxIO-LLC/ja4 specifies it.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/short_text.h"
#include "inspect/client_hello.h"

namespace spanflow {

// One per worker; not thread-safe. All memory is allocated by the constructor.
class Ja4 {
 public:
  Ja4();

  // The fingerprint of a hello over TCP, like "t13d1516h2_8daaf6152771_e5627efa2ab1". Valid until the next call.
  std::string_view of(const ClientHello& hello);

 private:
  void take_codes(const NumberList& numbers);
  void take_types(ExtensionReader extensions);
  ShortText hash_sorted(const NumberList& behind);
  void append_codes(std::string_view before);

  std::vector<std::uint16_t> codes_;  // the list that is being hashed
  fmt::memory_buffer list_;           // the same codes as text
  fmt::memory_buffer fingerprint_;
};

}  // namespace spanflow

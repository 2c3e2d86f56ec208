// JA4, a fingerprint of TLS clients. It is the part of JA4+ with an open licence. The specification is
// technical_details/JA4.md of https://github.com/FoxIO-LLC/ja4.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/short_text.h"
#include "inspect/client_hello.h"

namespace spanflow {

// One object per worker; not thread-safe. The constructor allocates all memory.
class Ja4 {
 public:
  Ja4();

  // Returns the fingerprint, such as "t13d1516h2_8daaf6152771_e5627efa2ab1". It begins with t for TLS over TCP, q for
  // QUIC and d for DTLS. The text is valid until the next call.
  std::string_view of(const ClientHello& hello);

 private:
  void take_codes(const NumberList& numbers);
  void take_types(ExtensionReader extensions);
  ShortText hash_sorted(const NumberList& behind);
  char* write_codes(char* to) const;

  std::vector<std::uint16_t> codes_;  // codes of the list to hash, without GREASE values
  std::vector<char> list_;            // the list to hash, as text
  std::string fingerprint_;
};

}  // namespace spanflow

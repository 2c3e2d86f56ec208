// JA3, a fingerprint of TLS clients, and JA3S, one of TLS servers: https://github.com/salesforce/ja3. Both are MD5
// hashes of numbers in a hello. JA4 has replaced JA3, because browsers now shuffle their extensions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/hex.h"
#include "inspect/client_hello.h"
#include "inspect/server_hello.h"

namespace spanflow {

using Md5Text = HexText<16>;

// One object per worker; not thread-safe.
class Ja3 {
 public:
  Md5Text of(const ClientHello& hello);
  Md5Text of(const ServerHello& hello);

 private:
  void start(std::size_t numbers);
  void append(std::uint32_t number, char after);
  void append(const NumberList& numbers);
  void append_types(ExtensionReader extensions);
  void end_list();
  Md5Text hash() const;

  std::vector<char> text_;  // a member, so that its memory is used again
  std::size_t size_ = 0;    // of the text so far
};

}  // namespace spanflow

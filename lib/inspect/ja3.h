// JA3, a fingerprint of TLS clients, and JA3S, one of TLS servers: https://github.com/salesforce/ja3. Both are MD5
// hashes of numbers in a hello. JA4 has replaced JA3, because browsers now shuffle their extensions.
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <string_view>

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
  void append(std::uint32_t number, char after);
  void append(const NumberList& numbers);
  void append_types(ExtensionReader extensions);
  void end_list();
  Md5Text hash() const;

  fmt::memory_buffer text_;  // a member, so that its memory is used again
};

}  // namespace spanflow

// Turns the messages of a TLS, DTLS or QUIC handshake into metadata.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string_view>
#include <utility>

#include "base/short_text.h"
#include "inspect/certificate.h"
#include "inspect/client_hello.h"
#include "inspect/ja3.h"
#include "inspect/ja4.h"
#include "inspect/metadata.h"
#include "inspect/server_hello.h"

namespace spanflow {

// Returns the name of a version of SSL, TLS or DTLS: "TLSv1.3". A number without a name is returned as "0x7f1c".
ShortText tls_version_name(std::uint16_t version);

// One object per worker; not thread-safe. All functions keep what an earlier message of the flow has said.
class TlsFindings {
 public:
  void note(const ClientHello& hello, Findings& findings);
  // Returns true if a ClientHello was noted since the last call.
  bool take_noted_hello() { return std::exchange(noted_hello_, false); }
  void note(const ServerHello& hello, Findings& findings);
  // `resumed`: true if the session continues an earlier one.
  static void note_resumption(bool resumed, Findings& findings) {
    findings.put(Metadata::kTlsResumed, resumed ? 1 : 0);
  }
  // `chain` is the body of a Certificate message of TLS 1.2 or earlier. Reads the first certificate, which is the
  // server's own. Returns false if its end is missing.
  bool note_certificates(Cursor chain, Findings& findings);

 private:
  Ja3 ja3_;
  Ja4 ja4_;
  fmt::memory_buffer text_;
  bool noted_hello_ = false;
};

}  // namespace spanflow

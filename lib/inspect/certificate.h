// Reads an X.509 certificate (RFC 5280) in DER (ITU-T X.690).
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>

#include "decode/cursor.h"

namespace spanflow {

// The members are views into the octets from which the certificate was read.
struct Certificate {
  Cursor serial;                 // octets of the number, without leading zeros
  Cursor issuer;                 // the content of the Name
  Cursor subject;                // the content of the Name
  std::uint64_t not_before = 0;  // seconds since the epoch; 0: the time cannot be read
  std::uint64_t not_after = 0;
  Cursor names;  // the content of the GeneralNames of the subject; empty if there are none
};

// Returns nullopt if the octets are not a certificate.
std::optional<Certificate> parse_certificate(Cursor octets);

// Appends a distinguished name as text, such as "C=US, O=Example, CN=example.org", in the order of the certificate. An
// attribute without a short name has its object identifier in dotted form. A comma in a value has a backslash before
// it.
void append_name(fmt::memory_buffer& text, Cursor name);

// Iterates over the DNS names and the IP addresses of Certificate::names.
class CertificateNames {
 public:
  explicit CertificateNames(const Cursor& names) : rest_(names) {}
  // Replaces the content of `text` by the next name. Returns false at the end.
  bool next(fmt::memory_buffer& text);

 private:
  Cursor rest_;
};

}  // namespace spanflow

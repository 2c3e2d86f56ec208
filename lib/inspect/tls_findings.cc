#include "inspect/tls_findings.h"

#include "base/digest.h"
#include "base/hex.h"
#include "inspect/cipher_names.h"
#include "inspect/vectors.h"

namespace spanflow {
namespace {

constexpr int kMostElements = 32;        // of a list in the metadata of a flow
constexpr std::size_t kMostSerial = 20;  // octets (RFC 5280, section 4.1.2.2)

std::string_view text_in(const fmt::memory_buffer& text) { return {text.data(), text.size()}; }

ShortText hex_number(std::uint16_t number) {
  const std::array<std::uint8_t, 2> octets = {static_cast<std::uint8_t>(number >> 8),
                                              static_cast<std::uint8_t>(number)};
  ShortText text{"0x"};
  text.append(hex_of(octets).view());
  return text;
}

void note_alpn(NameReader names, Findings& findings) {
  if (findings.has(Metadata::kTlsAlpn)) return;
  for (int i = 0; i < kMostElements; ++i) {
    const auto name = names.next();
    if (!name) return;
    if (!is_grease_name(*name)) findings.add(Metadata::kTlsAlpn, *name);
  }
}

void note_versions(const ClientHello& hello, Findings& findings) {
  if (findings.has(Metadata::kTlsVersions)) return;
  const NumberList& versions = hello.supported_versions;
  for (std::size_t i = 0; i < versions.size() && i < kMostElements; ++i) {
    if (!is_grease(versions[i])) findings.add(Metadata::kTlsVersions, tls_version_name(versions[i]).view());
  }
  // Without the list, the client offers this version and those before it.
  if (versions.size() == 0) findings.add(Metadata::kTlsVersions, tls_version_name(hello.legacy_version).view());
}

}  // namespace

ShortText tls_version_name(std::uint16_t version) {
  switch (version) {
    case 0x0300:
      return ShortText{"SSLv3"};
    case 0x0301:
      return ShortText{"TLSv1"};
    case 0x0302:
      return ShortText{"TLSv1.1"};
    case 0x0303:
      return ShortText{"TLSv1.2"};
    case 0x0304:
      return ShortText{"TLSv1.3"};
    case 0xfeff:
      return ShortText{"DTLSv1.0"};
    case 0xfefd:
      return ShortText{"DTLSv1.2"};
    case 0xfefc:
      return ShortText{"DTLSv1.3"};
    default:
      return hex_number(version);
  }
}

void TlsFindings::note(const ClientHello& hello, Findings& findings) {
  if (findings.has(Metadata::kJa4)) return;  // the second hello after a HelloRetryRequest or a HelloVerifyRequest
  noted_hello_ = true;
  findings.put(Metadata::kTlsServerName, hello.server_name.value_or(std::string_view{}));
  note_alpn(hello.alpn, findings);
  note_versions(hello, findings);
  findings.put(Metadata::kJa3Client, ja3_.of(hello).view());
  findings.put(Metadata::kJa4, ja4_.of(hello));
  if (!hello.has_ech) return;
  findings.put(Metadata::kTlsEch, kEchOffered);
  if (hello.ech_config_id) findings.put(Metadata::kTlsEchConfigId, *hello.ech_config_id);
}

void TlsFindings::note(const ServerHello& hello, Findings& findings) {
  if (hello.accepts_ech) findings.set(Metadata::kTlsEch, kEchAccepted);
  findings.put(Metadata::kTlsVersion, tls_version_name(hello.version).view());
  const std::string_view cipher = cipher_name(hello.cipher);
  findings.put(Metadata::kTlsCipher, cipher.empty() ? hex_number(hello.cipher).view() : cipher);
  findings.put(Metadata::kTlsAlpnChosen, hello.alpn);
  if (!findings.has(Metadata::kJa3Server)) findings.put(Metadata::kJa3Server, ja3_.of(hello).view());
}

bool TlsFindings::note_certificates(Cursor chain, Findings& findings) {
  const auto octets_of_chain = take_be24(chain);
  const auto octets = octets_of_chain ? take24(chain) : std::nullopt;
  if (!octets) return false;
  const auto certificate = parse_certificate(*octets);
  if (!certificate || findings.has(Metadata::kTlsSha256)) return true;
  text_.clear();
  append_name(text_, certificate->issuer);
  findings.put(Metadata::kTlsIssuer, text_in(text_));
  text_.clear();
  append_name(text_, certificate->subject);
  findings.put(Metadata::kTlsSubject, text_in(text_));
  CertificateNames names(certificate->names);
  for (int i = 0; i < kMostElements && names.next(text_); ++i) findings.add(Metadata::kTlsNames, text_in(text_));
  if (certificate->not_before != 0) findings.put(Metadata::kTlsNotBefore, certificate->not_before);
  if (certificate->not_after != 0) findings.put(Metadata::kTlsNotAfter, certificate->not_after);
  Cursor serial = certificate->serial;
  serial.limit(kMostSerial);
  findings.put(Metadata::kTlsSerial, HexText<kMostSerial>({serial.data(), serial.captured()}).view());
  findings.put(Metadata::kTlsSha256, hex_of(sha256(text_of(*octets))).view());
  return true;
}

}  // namespace spanflow

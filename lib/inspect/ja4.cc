#include "inspect/ja4.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>

#include "base/digest.h"
#include "base/hex.h"
#include "inspect/tls_records.h"

namespace spanflow {
namespace {

constexpr std::size_t kMostCodes = kMostMessage / 2;
constexpr std::size_t kCodeText = 5;      // octets per code: four digits and a separator
constexpr std::size_t kHashDigits = 12;   // of the hash
constexpr std::size_t kMostCounted = 99;  // greatest count that fits in the two digits of the fingerprint

// The numbers of DTLS versions go down: 0xfefd is 1.2, and 0xfefc is 1.3.
bool is_newer(std::uint16_t version, std::uint16_t other, HelloTransport transport) {
  return transport == HelloTransport::kDtls ? version < other : version > other;
}

std::uint16_t newest_version(const ClientHello& hello) {
  std::optional<std::uint16_t> newest;
  for (std::size_t i = 0; i < hello.supported_versions.size(); ++i) {
    const std::uint16_t version = hello.supported_versions[i];
    if (is_grease(version)) continue;
    if (!newest || is_newer(version, *newest, hello.transport)) newest = version;
  }
  return newest.value_or(hello.legacy_version);
}

char letter_of(HelloTransport transport) {
  switch (transport) {
    case HelloTransport::kTls:
      return 't';
    case HelloTransport::kQuic:
      return 'q';
    case HelloTransport::kDtls:
      return 'd';
  }
  return '?';
}

std::string_view version_code(std::uint16_t version) {
  switch (version) {
    case 0x0304:
      return "13";
    case 0x0303:
      return "12";
    case 0x0302:
      return "11";
    case 0x0301:
      return "10";
    case 0x0300:
      return "s3";
    case 0x0002:
      return "s2";
    case 0xfeff:
      return "d1";
    case 0xfefd:
      return "d2";
    case 0xfefc:
      return "d3";
    default:
      return "00";
  }
}

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

std::string_view first_name(NameReader names) {
  while (const auto name = names.next()) {
    if (!is_grease_name(*name)) return *name;
  }
  return {};
}

// Returns the first and last character of the name if both are alphanumeric. Otherwise returns the first and last
// hexadecimal digit of the name, or "00" for an empty name.
std::array<char, 2> alpn_code(std::string_view name) {
  if (name.empty()) return {'0', '0'};
  if (is_alphanumeric(name.front()) && is_alphanumeric(name.back())) return {name.front(), name.back()};
  return {kHexDigits[static_cast<unsigned char>(name.front()) >> 4],
          kHexDigits[static_cast<unsigned char>(name.back()) & 15]};
}

std::string_view view(const fmt::memory_buffer& text) { return {text.data(), text.size()}; }

}  // namespace

Ja4::Ja4() {
  codes_.reserve(kMostCodes);
  list_.reserve(kMostCodes * kCodeText);
}

std::string_view Ja4::of(const ClientHello& hello) {
  take_codes(hello.ciphers);
  const std::size_t ciphers = std::min(codes_.size(), kMostCounted);
  const ShortText cipher_hash = hash_sorted({});

  take_types(hello.extensions);
  const std::size_t extensions = std::min(codes_.size(), kMostCounted);
  // SNI and ALPN are counted but not hashed, because a client does not send these two extensions on every connection.
  std::erase(codes_, extension_types::kServerName);
  std::erase(codes_, extension_types::kAlpn);
  const ShortText extension_hash = hash_sorted(hello.signature_algorithms);

  const std::array<char, 2> alpn = alpn_code(first_name(hello.alpn));
  fingerprint_.clear();
  fmt::format_to(std::back_inserter(fingerprint_), "{}{}{}{:02}{:02}{}{}_{}_{}", letter_of(hello.transport),
                 version_code(newest_version(hello)), hello.server_name ? 'd' : 'i', ciphers, extensions, alpn[0],
                 alpn[1], cipher_hash.view(), extension_hash.view());
  return view(fingerprint_);
}

void Ja4::take_codes(const NumberList& numbers) {
  codes_.clear();
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (!is_grease(numbers[i])) codes_.push_back(numbers[i]);
  }
}

void Ja4::take_types(ExtensionReader extensions) {
  codes_.clear();
  while (const auto extension = extensions.next()) {
    if (!is_grease(extension->type)) codes_.push_back(extension->type);
  }
}

// Hashes a list such as "0005,000a_0403,0804": the sorted codes in codes_, then the numbers of `behind` in their own
// order. Overwrites codes_.
ShortText Ja4::hash_sorted(const NumberList& behind) {
  if (codes_.empty()) return ShortText{"000000000000"};
  std::sort(codes_.begin(), codes_.end());
  list_.clear();
  append_codes("");
  take_codes(behind);
  append_codes("_");
  return ShortText{hex_of(sha256(view(list_))).view().substr(0, kHashDigits)};
}

void Ja4::append_codes(std::string_view before) {
  for (const std::uint16_t code : codes_) {
    const std::array<char, 4> digits = {kHexDigits[code >> 12], kHexDigits[code >> 8 & 15], kHexDigits[code >> 4 & 15],
                                        kHexDigits[code & 15]};
    list_.append(before);
    list_.append(std::string_view(digits.data(), digits.size()));
    before = ",";
  }
}

}  // namespace spanflow

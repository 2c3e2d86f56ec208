#include "inspect/ja4.h"

#include <algorithm>
#include <array>
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

std::array<char, 2> two_digits(std::size_t count) {
  const std::size_t shown = std::min(count, kMostCounted);
  return {static_cast<char>('0' + shown / 10), static_cast<char>('0' + shown % 10)};
}

std::string_view view(const std::array<char, 2>& text) { return {text.data(), text.size()}; }

}  // namespace

Ja4::Ja4() {
  codes_.reserve(kMostCodes);
  list_.resize(kMostCodes * kCodeText);
}

std::string_view Ja4::of(const ClientHello& hello) {
  take_codes(hello.ciphers);
  const std::array<char, 2> ciphers = two_digits(codes_.size());
  const ShortText cipher_hash = hash_sorted({});

  take_types(hello.extensions);
  const std::array<char, 2> extensions = two_digits(codes_.size());
  // SNI and ALPN are counted but not hashed, because a client does not send these two extensions on every connection.
  std::erase(codes_, extension_types::kServerName);
  std::erase(codes_, extension_types::kAlpn);
  const ShortText extension_hash = hash_sorted(hello.signature_algorithms);

  fingerprint_ = letter_of(hello.transport);
  fingerprint_ += version_code(newest_version(hello));
  fingerprint_ += hello.server_name ? 'd' : 'i';
  fingerprint_ += view(ciphers);
  fingerprint_ += view(extensions);
  fingerprint_ += view(alpn_code(first_name(hello.alpn)));
  for (const ShortText& hash : {cipher_hash, extension_hash}) {
    fingerprint_ += '_';
    fingerprint_ += hash.view();
  }
  return fingerprint_;
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
  list_.resize(std::max(list_.size(), (codes_.size() + behind.size()) * kCodeText));
  char* end = write_codes(list_.data());
  take_codes(behind);
  if (!codes_.empty()) {
    end[-1] = '_';
    end = write_codes(end);
  }
  const std::string_view list{list_.data(), static_cast<std::size_t>(end - 1 - list_.data())};
  return ShortText{hex_of(sha256(list)).view().substr(0, kHashDigits)};
}

// Writes the codes, each with a comma after it. Returns the end.
char* Ja4::write_codes(char* to) const {
  for (const std::uint16_t code : codes_) {
    for (int shift = 12; shift >= 0; shift -= 4) *to++ = kHexDigits[code >> shift & 15];
    *to++ = ',';
  }
  return to;
}

}  // namespace spanflow

#include "base/digest.h"

#include <openssl/evp.h>

#include <cassert>
#include <string>

#include "base/error.h"

namespace spanflow {
namespace {

constexpr std::size_t kMostBase64Octets = 21;
constexpr std::size_t kMostBase64Characters = 28;

const char* name_of(Digest::Algorithm algorithm) {
  switch (algorithm) {
    case Digest::Algorithm::kSha1:
      return "SHA1";
    case Digest::Algorithm::kSha256:
      return "SHA256";
  }
  return "";
}

}  // namespace

void Digest::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }
void Digest::Free::operator()(evp_md_st* algorithm) const { EVP_MD_free(algorithm); }

Digest::Digest(Algorithm algorithm)
    : algorithm_(EVP_MD_fetch(nullptr, name_of(algorithm), nullptr)), context_(EVP_MD_CTX_new()) {
  if (!algorithm_ || !context_ || EVP_DigestInit_ex2(context_.get(), algorithm_.get(), nullptr) != 1) {
    throw RunError(std::string("libcrypto has no ") + name_of(algorithm));
  }
}

// None of the calls can fail: the algorithm is there and its context made, since the constructor.
std::span<const std::uint8_t> Digest::of(std::span<const std::uint8_t> message) {
  unsigned size = 0;
  EVP_DigestInit_ex2(context_.get(), algorithm_.get(), nullptr);
  EVP_DigestUpdate(context_.get(), message.data(), message.size());
  EVP_DigestFinal_ex(context_.get(), hash_.data(), &size);
  return std::span(hash_).first(size);
}

std::span<const std::uint8_t> Digest::of(std::string_view message) {
  return of(std::span(reinterpret_cast<const std::uint8_t*>(message.data()), message.size()));
}

void append_base64(ShortText& text, std::span<const std::uint8_t> octets) {
  assert(octets.size() <= kMostBase64Octets);
  std::array<unsigned char, kMostBase64Characters + 1> encoded;  // and the NUL that libcrypto sets
  const int size = EVP_EncodeBlock(encoded.data(), octets.data(), static_cast<int>(octets.size()));
  text.append({reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(size)});
}

}  // namespace spanflow

// Hashes by libcrypto, and what makes text of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/short_text.h"

struct evp_md_ctx_st;  // libcrypto's EVP_MD_CTX and EVP_MD
struct evp_md_st;

namespace spanflow {

// Hashes one message after the other in a context of its own, so that nothing is allocated per message. One thread.
class Digest {
 public:
  enum class Algorithm : std::uint8_t { kSha1, kSha256 };

  // Throws RunError if libcrypto does not have the algorithm.
  explicit Digest(Algorithm algorithm);

  // Of the whole message; valid until the next call.
  std::span<const std::uint8_t> of(std::span<const std::uint8_t> message);
  std::span<const std::uint8_t> of(std::string_view message);

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
    void operator()(evp_md_st* algorithm) const;
  };

  std::unique_ptr<evp_md_st, Free> algorithm_;
  std::unique_ptr<evp_md_ctx_st, Free> context_;
  std::array<std::uint8_t, 64> hash_{};  // libcrypto's longest
};

// RFC 4648, with padding. At most 21 octets: what a ShortText holds.
void append_base64(ShortText& text, std::span<const std::uint8_t> octets);

}  // namespace spanflow

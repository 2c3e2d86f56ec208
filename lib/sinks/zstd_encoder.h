// Compresses text with zstd, one frame for each file.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct ZSTD_CCtx_s;

namespace spanflow {

class ZstdEncoder {
 public:
  explicit ZstdEncoder(int level);

  // The three functions append to `encoded`.
  void add(std::string_view text, std::string& encoded);
  // After this call, `encoded` can be decoded to all text that was added.
  void flush(std::string& encoded);
  void end(std::string& encoded);

 private:
  void run(std::string_view text, int directive, std::string& encoded);

  struct Release {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_CCtx_s, Release> context_;
};

}  // namespace spanflow

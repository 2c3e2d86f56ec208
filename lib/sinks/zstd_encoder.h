// Compresses the text of one file into one zstd frame.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct ZSTD_CCtx_s;

namespace spanflow {

class ZstdEncoder {
 public:
  explicit ZstdEncoder(int level);

  // add(), flush() and end() append compressed octets to `encoded`.
  void add(std::string_view text, std::string& encoded);
  // After this call, a decoder can decode all text added so far.
  void flush(std::string& encoded);
  // Ends the frame.
  void end(std::string& encoded);

 private:
  void run(std::string_view text, int directive, std::string& encoded);

  struct Release {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_CCtx_s, Release> context_;
};

}  // namespace spanflow

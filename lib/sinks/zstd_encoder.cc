#include "sinks/zstd_encoder.h"

#include <zstd.h>

#include "base/error.h"

namespace spanflow {

void ZstdEncoder::Release::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }

ZstdEncoder::ZstdEncoder(int level) : context_(ZSTD_createCCtx()) {
  if (context_ == nullptr) throw RunError("no memory is left for compression");
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
}

void ZstdEncoder::add(std::string_view text, std::string& encoded) { run(text, ZSTD_e_continue, encoded); }

void ZstdEncoder::flush(std::string& encoded) { run({}, ZSTD_e_flush, encoded); }

void ZstdEncoder::end(std::string& encoded) { run({}, ZSTD_e_end, encoded); }

void ZstdEncoder::run(std::string_view text, int directive, std::string& encoded) {
  ZSTD_inBuffer input{text.data(), text.size(), 0};
  const bool all_out = directive != ZSTD_e_continue;
  std::size_t left = 0;
  do {
    const std::size_t used = encoded.size();
    encoded.resize(used + ZSTD_CStreamOutSize());
    ZSTD_outBuffer output{encoded.data(), encoded.size(), used};
    left = ZSTD_compressStream2(context_.get(), &output, &input, static_cast<ZSTD_EndDirective>(directive));
    encoded.resize(output.pos);
    // A lack of memory is the only possible error, and only for the first octets. The caller may try again.
    if (ZSTD_isError(left) != 0) throw RunError("no memory is left for compression");
  } while (input.pos < input.size || (all_out && left > 0));
}

}  // namespace spanflow

#include "capture/input_stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/error.h"

namespace spanflow {
namespace {

constexpr std::size_t kRawBlock = 256 * 1024;

}  // namespace

// Turns the stream's raw octets into uncompressed ones.
class InputStream::Decompressor {
 public:
  explicit Decompressor(InputStream& stream) : stream_(stream) {}
  virtual ~Decompressor() = default;

  // 0 at the end, -1 with the stream's error set.
  std::ptrdiff_t read(char* out, std::size_t size) {
    for (;;) {
      if (stream_.raw_at_ == stream_.raw_end_ && !stream_.refill()) {
        if (!in_frame_) return 0;
        if (stream_.error_.empty()) stream_.error_ = "its compressed data is cut short";
        return -1;
      }
      const std::ptrdiff_t produced = decompress(out, size);
      if (produced != 0) return produced;
    }
  }

 protected:
  // Consumes raw octets and gives the count that came out, 0 if more input is needed, -1 if the data is no good.
  virtual std::ptrdiff_t decompress(char* out, std::size_t size) = 0;
  std::ptrdiff_t corrupt(const char* why) {
    stream_.error_ = std::string("its compressed data is damaged: ") + why;
    return -1;
  }

  InputStream& stream_;
  bool in_frame_ = true;  // the end of the input is not expected here
};

class InputStream::Gzip : public Decompressor {
 public:
  explicit Gzip(InputStream& stream) : Decompressor(stream) { inflateInit2(&inflater_, kWindowBits); }
  ~Gzip() override { inflateEnd(&inflater_); }

 protected:
  std::ptrdiff_t decompress(char* out, std::size_t size) override {
    if (!in_frame_) {  // a further member
      inflateReset(&inflater_);
      in_frame_ = true;
    }
    inflater_.next_in = reinterpret_cast<Bytef*>(stream_.raw_.data() + stream_.raw_at_);
    inflater_.avail_in = static_cast<uInt>(stream_.raw_end_ - stream_.raw_at_);
    inflater_.next_out = reinterpret_cast<Bytef*>(out);
    inflater_.avail_out = static_cast<uInt>(size);
    const int result = inflate(&inflater_, Z_NO_FLUSH);
    stream_.raw_at_ = stream_.raw_end_ - inflater_.avail_in;
    if (result == Z_STREAM_END) in_frame_ = false;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      return corrupt(inflater_.msg != nullptr ? inflater_.msg : "not gzip");
    }
    return static_cast<std::ptrdiff_t>(size - inflater_.avail_out);
  }

 private:
  static constexpr int kWindowBits = 15 + 16;  // zlib: the greatest window, gzip framing
  z_stream inflater_{};
};

class InputStream::Zstd : public Decompressor {
 public:
  using Decompressor::Decompressor;
  ~Zstd() override { ZSTD_freeDStream(stream_state_); }

 protected:
  std::ptrdiff_t decompress(char* out, std::size_t size) override {
    ZSTD_inBuffer input{stream_.raw_.data(), stream_.raw_end_, stream_.raw_at_};
    ZSTD_outBuffer output{out, size, 0};
    const std::size_t result = ZSTD_decompressStream(stream_state_, &output, &input);
    stream_.raw_at_ = input.pos;
    if (ZSTD_isError(result) != 0) return corrupt(ZSTD_getErrorName(result));
    in_frame_ = result != 0;
    return static_cast<std::ptrdiff_t>(output.pos);
  }

 private:
  ZSTD_DStream* stream_state_ = ZSTD_createDStream();
};

InputStream::InputStream(const std::string& path, const std::atomic<bool>& stop)
    : path_(path), stop_(stop), raw_(kRawBlock) {
  descriptor_ = path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0) {
    throw RunError(path + ": cannot be opened: " + std::strerror(errno));
  }
  if (S_ISDIR(status.st_mode)) throw RunError(path + ": cannot be opened: it is a directory");
  if (S_ISREG(status.st_mode)) file_size_ = static_cast<std::uint64_t>(status.st_size);
  refill();
  const std::string_view head{raw_.data(), std::min<std::size_t>(raw_end_, 4)};
  if (head.starts_with("\x1f\x8b")) decompressor_ = std::make_unique<Gzip>(*this);
  if (head == "\x28\xb5\x2f\xfd") decompressor_ = std::make_unique<Zstd>(*this);
}

InputStream::~InputStream() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool InputStream::ready(int wait_ms) {
  return raw_at_ < raw_end_ || decompressor_ != nullptr || descriptor_ready(wait_ms);
}

bool InputStream::descriptor_ready(int wait_ms) const {
  if (file_size_ != 0) return true;
  pollfd waiting{.fd = descriptor_, .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, wait_ms) != 0;
}

bool InputStream::refill() {
  constexpr int kLookUpMs = 100;
  while (!descriptor_ready(kLookUpMs)) {
    if (stop_.load(std::memory_order_relaxed)) return false;
  }
  const ssize_t count = ::read(descriptor_, raw_.data(), raw_.size());
  if (count < 0) error_ = std::string("cannot be read: ") + std::strerror(errno);
  raw_at_ = 0;
  raw_end_ = count > 0 ? static_cast<std::size_t>(count) : 0;
  raw_read_.store(raw_read_.load(std::memory_order_relaxed) + raw_end_, std::memory_order_relaxed);
  return raw_end_ > 0;
}

std::ptrdiff_t InputStream::copy_raw(char* out, std::size_t size) {
  if (raw_at_ == raw_end_ && !refill()) return error_.empty() ? 0 : -1;
  const std::size_t count = std::min(size, raw_end_ - raw_at_);
  std::copy_n(raw_.data() + raw_at_, count, out);
  raw_at_ += count;
  return static_cast<std::ptrdiff_t>(count);
}

std::ptrdiff_t InputStream::read(char* out, std::size_t size) {
  const std::ptrdiff_t count = decompressor_ != nullptr ? decompressor_->read(out, size) : copy_raw(out, size);
  if (count > 0) offset_ += static_cast<std::uint64_t>(count);
  return count;
}

std::FILE* InputStream::open_file() {
  const cookie_io_functions_t functions = {
      .read = [](void* stream, char* out,
                 std::size_t size) -> ssize_t { return static_cast<InputStream*>(stream)->read(out, size); },
      .write = nullptr,
      .seek = nullptr,
      .close = nullptr};
  std::FILE* file = ::fopencookie(this, "r", functions);
  if (file == nullptr) throw RunError(path_ + ": cannot be opened: " + std::strerror(errno));
  // Uncompressed data is in a block of ours already, where ready() can see it; decompression wants large requests.
  std::setvbuf(file, nullptr, decompressor_ != nullptr ? _IOFBF : _IONBF, decompressor_ != nullptr ? kRawBlock : 0);
  return file;
}

double InputStream::progress() const {
  if (file_size_ == 0) return -1;
  return static_cast<double>(raw_read_.load(std::memory_order_relaxed)) / static_cast<double>(file_size_);
}

}  // namespace spanflow

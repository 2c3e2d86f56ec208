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
#include "base/inherited_descriptor.h"

namespace spanflow {
namespace {

constexpr std::size_t kBlock = 1024 * 1024;  // octets; longer than the longest packet: each packet is contiguous
constexpr std::size_t kCompressedBlock = 256 * 1024;
constexpr int kLookUpMs = 100;  // while a pipe has no data, a stop is noticed within this time

Descriptor open_input(const std::string& path) {
  if (const auto number = inherited_descriptor(path, STDIN_FILENO)) {
    return Descriptor(::fcntl(*number, F_DUPFD_CLOEXEC, 0));
  }
  // Without O_NONBLOCK, the run could not be stopped while it waits for the writer of a named pipe.
  return Descriptor(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

}  // namespace

// Decompresses the stream. `head` holds the octets that were already read to detect the compression. These octets are
// decompressed first.
class InputStream::Decompressor {
 public:
  Decompressor(InputStream& stream, std::span<const std::uint8_t> head)
      : stream_(stream), raw_(std::max(kCompressedBlock, head.size())), end_(head.size()) {
    std::copy(head.begin(), head.end(), raw_.begin());
  }
  virtual ~Decompressor() = default;

  // Writes up to `size` decompressed octets to `out` and returns their number. Returns 0 at the end or on an error.
  std::size_t read(std::uint8_t* out, std::size_t size) {
    while (stream_.error_.empty()) {
      if (at_ == end_) {
        at_ = 0;
        end_ = stream_.read_raw(raw_.data(), raw_.size());
      }
      if (at_ == end_) {
        stream_.cut_short_ = in_frame_;
        return 0;
      }
      if (const std::size_t produced = decompress(out, size); produced > 0) return produced;
    }
    return 0;
  }

 protected:
  // Decompresses octets of raw_ from [at_, end_) to `out`, and advances at_. Returns the number of octets in `out`.
  virtual std::size_t decompress(std::uint8_t* out, std::size_t size) = 0;
  void damaged(const char* why) { stream_.error_ = std::string("its compressed data is damaged: ") + why; }

  InputStream& stream_;
  std::vector<std::uint8_t> raw_;  // compressed octets
  std::size_t at_ = 0;
  std::size_t end_;
  bool in_frame_ = true;  // true inside a gzip member or zstd frame: if the input ends here, the input is cut short
};

class InputStream::Gzip : public Decompressor {
 public:
  Gzip(InputStream& stream, std::span<const std::uint8_t> head) : Decompressor(stream, head) {
    inflateInit2(&inflater_, kWindowBits);
  }
  ~Gzip() override { inflateEnd(&inflater_); }

 protected:
  std::size_t decompress(std::uint8_t* out, std::size_t size) override {
    if (!in_frame_) {
      while (at_ < end_ && raw_[at_] == 0) ++at_;  // tapes and some programs pad with zeros
      if (at_ == end_) return 0;
      inflateReset(&inflater_);  // another gzip member follows
      in_frame_ = true;
    }
    inflater_.next_in = raw_.data() + at_;
    inflater_.avail_in = static_cast<uInt>(end_ - at_);
    inflater_.next_out = out;
    inflater_.avail_out = static_cast<uInt>(size);
    const int result = inflate(&inflater_, Z_NO_FLUSH);
    at_ = end_ - inflater_.avail_in;
    in_frame_ = result != Z_STREAM_END;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      damaged(inflater_.msg != nullptr ? inflater_.msg : "not gzip");
    }
    return size - inflater_.avail_out;
  }

 private:
  static constexpr int kWindowBits = 15 + 16;  // for zlib: the greatest window (15); adding 16 selects gzip
  z_stream inflater_{};
};

class InputStream::Zstd : public Decompressor {
 public:
  using Decompressor::Decompressor;
  ~Zstd() override { ZSTD_freeDStream(state_); }

 protected:
  std::size_t decompress(std::uint8_t* out, std::size_t size) override {
    ZSTD_inBuffer input{raw_.data(), end_, at_};
    ZSTD_outBuffer output{out, size, 0};
    const std::size_t result = ZSTD_decompressStream(state_, &output, &input);
    at_ = input.pos;
    if (ZSTD_isError(result) != 0) damaged(ZSTD_getErrorName(result));
    in_frame_ = result != 0;
    return output.pos;
  }

 private:
  ZSTD_DStream* state_ = ZSTD_createDStream();
};

InputStream::InputStream(const std::string& path, const std::atomic<bool>& stop)
    : path_(path), stop_(stop), blocks_(kBlock), block_(blocks_.take()) {
  descriptor_ = open_input(path);
  struct stat status {};
  if (!descriptor_ || ::fstat(descriptor_.get(), &status) != 0) {
    throw RunError(shown_input(path) + ": cannot be opened: " + std::strerror(errno));
  }
  if (S_ISDIR(status.st_mode)) throw RunError(shown_input(path) + ": cannot be opened: it is a directory");
  if (S_ISREG(status.st_mode)) file_size_ = static_cast<std::uint64_t>(status.st_size);
  fill();
  const std::string_view head{reinterpret_cast<const char*>(block_->data()), std::min<std::size_t>(end_, 4)};
  if (head.starts_with("\x1f\x8b")) decompressor_ = std::make_unique<Gzip>(*this, available());
  if (head == "\x28\xb5\x2f\xfd") decompressor_ = std::make_unique<Zstd>(*this, available());
  if (decompressor_ != nullptr) end_ = 0;
}

InputStream::~InputStream() = default;

bool InputStream::fill() {
  const auto rest = available();
  block_ = blocks_.renew(std::move(block_));
  std::memmove(block_->data(), rest.data(), rest.size());
  end_ = rest.size();
  at_ = 0;
  std::uint8_t* out = block_->data() + end_;
  const std::size_t room = block_->size() - end_;
  const std::size_t count = decompressor_ != nullptr ? decompressor_->read(out, room) : read_raw(out, room);
  end_ += count;
  return count > 0;
}

bool InputStream::ready(int wait_ms) const {
  if (is_file() || decompressor_ != nullptr) return true;
  pollfd waiting{.fd = descriptor_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, wait_ms) != 0;
}

std::size_t InputStream::read_raw(std::uint8_t* out, std::size_t size) {
  pollfd waiting{.fd = descriptor_.get(), .events = POLLIN, .revents = 0};
  while (!is_file() && ::poll(&waiting, 1, kLookUpMs) == 0) {
    if (stop_.load(std::memory_order_relaxed)) return 0;
  }
  ssize_t count = 0;
  do count = ::read(descriptor_.get(), out, size);
  while (count < 0 && errno == EINTR);
  if (count < 0) error_ = std::string("cannot be read: ") + std::strerror(errno);
  if (count <= 0) return 0;
  raw_read_.fetch_add(static_cast<std::uint64_t>(count), std::memory_order_relaxed);
  return static_cast<std::size_t>(count);
}

std::FILE* InputStream::open_file() {
  const auto read = [](void* cookie, char* out, std::size_t size) -> ssize_t {
    auto& stream = *static_cast<InputStream*>(cookie);
    if (stream.available().empty() && !stream.fill()) return stream.error_.empty() ? 0 : -1;
    const auto count = std::min(size, stream.available().size());
    std::copy_n(stream.available().begin(), count, out);
    stream.consume(count);
    return static_cast<ssize_t>(count);
  };
  std::FILE* file = ::fopencookie(this, "r", {.read = read, .write = nullptr, .seek = nullptr, .close = nullptr});
  if (file == nullptr) throw RunError(shown_input(path_) + ": cannot be opened: " + std::strerror(errno));
  std::setvbuf(file, nullptr, _IOFBF, kCompressedBlock);
  return file;
}

double InputStream::progress() const {
  if (!is_file()) return -1;
  return static_cast<double>(raw_read_.load(std::memory_order_relaxed)) / static_cast<double>(file_size_);
}

}  // namespace spanflow

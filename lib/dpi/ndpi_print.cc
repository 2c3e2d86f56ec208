#include "dpi/ndpi_print.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace spanflow {
namespace {

// Writes as much of a text as fits in the buffer. Counts the length of the whole text, as snprintf does.
class BoundedText {
 public:
  BoundedText(char* buffer, std::size_t size) : buffer_(buffer), size_(size) {}

  void append(char character) {
    if (length_ < size_) buffer_[length_] = character;
    ++length_;
  }

  void append(std::string_view text) {
    if (length_ < size_) std::memcpy(buffer_ + length_, text.data(), std::min(text.size(), size_ - length_));
    length_ += text.size();
  }

  int end() {
    if (size_ != 0) buffer_[std::min(length_, size_ - 1)] = '\0';
    return static_cast<int>(length_);
  }

 private:
  char* buffer_;
  std::size_t size_;
  std::size_t length_ = 0;
};

// `width` is the minimum number of digits, at most 9. `digits` are the characters of the digits from 0 to kBase - 1.
template <unsigned kBase>
void append_number(BoundedText& text, unsigned number, std::ptrdiff_t width, const char* digits) {
  std::array<char, 10> room;  // a number of 32 bits has at most 10 decimal digits
  char* const end = room.data() + room.size();
  char* first = end;
  do {
    *--first = digits[number % kBase];
    number /= kBase;
  } while (number != 0 || end - first < width);
  text.append({first, end});
}

// Compares inline, because nDPI prints so often that calls of strcmp() would take 1 % of a run's time.
template <std::size_t kSize>
bool equal(const char* text, const char (&other)[kSize]) {
  for (std::size_t at = 0; at < kSize; ++at) {
    if (text[at] != other[at]) return false;
  }
  return true;
}

}  // namespace

thread_local bool leave_out_ja3 = false;

bool is_left_out(const char* format) {
  return leave_out_ja3 && (equal(format, "%s%u") || equal(format, "%02x") || equal(format, "%02X"));
}

std::optional<int> print(char* buffer, std::size_t size, const char* format, std::va_list arguments) {
  BoundedText text(buffer, size);
  for (; *format != '\0'; ++format) {
    if (*format != '%') {
      text.append(*format);
      continue;
    }
    ++format;
    std::ptrdiff_t width = 0;
    if (format[0] == '0' && format[1] >= '1' && format[1] <= '9') {
      width = format[1] - '0';
      format += 2;
    }
    if (*format == 'u') {
      append_number<10>(text, va_arg(arguments, unsigned), width, "0123456789");
    } else if (*format == 'x') {
      append_number<16>(text, va_arg(arguments, unsigned), width, "0123456789abcdef");
    } else if (*format == 'X') {
      append_number<16>(text, va_arg(arguments, unsigned), width, "0123456789ABCDEF");
    } else if (*format == 's' && width == 0) {
      const char* const argument = va_arg(arguments, const char*);
      if (argument == nullptr) return std::nullopt;
      text.append(std::string_view(argument));
    } else {
      return std::nullopt;
    }
  }
  return text.end();
}

}  // namespace spanflow

extern "C" {

// The C library's functions have other names here, because with _FORTIFY_SOURCE its header declares them too.
int vsnprintf_of_libc(char* buffer, std::size_t size, int flag, std::size_t room, const char* format,
                      std::va_list arguments) asm("__vsnprintf_chk");
int vsprintf_of_libc(char* buffer, int flag, std::size_t room, const char* format,
                     std::va_list arguments) asm("__vsprintf_chk");

// With _FORTIFY_SOURCE, the compiler turns nDPI's calls of snprintf and sprintf into calls of __snprintf_chk and
// __sprintf_chk. The linker redirects these calls to the __wrap_ functions below. The functions of the C library print
// the formats that print() does not support. `room` is the size of the buffer, or SIZE_MAX if the compiler does not
// know the size. The C library aborts the program if `room` is too small.
// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl50-cpp,cert-dcl51-cpp,readability-identifier-naming)
int __wrap___snprintf_chk(char* buffer, std::size_t size, int flag, std::size_t room, const char* format, ...) {
  if (spanflow::is_left_out(format)) return 0;
  std::va_list arguments;
  va_start(arguments, format);
  std::optional<int> printed;
  if (size <= room) printed = spanflow::print(buffer, size, format, arguments);
  va_end(arguments);
  if (printed) return *printed;
  va_start(arguments, format);
  const int length = vsnprintf_of_libc(buffer, size, flag, room, format, arguments);
  va_end(arguments);
  return length;
}

int __wrap___sprintf_chk(char* buffer, int flag, std::size_t room, const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  const std::optional<int> printed = spanflow::print(buffer, room, format, arguments);
  va_end(arguments);
  if (printed && static_cast<std::size_t>(*printed) < room) return *printed;
  va_start(arguments, format);
  const int length = vsprintf_of_libc(buffer, flag, room, format, arguments);
  va_end(arguments);
  return length;
}
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl50-cpp,cert-dcl51-cpp,readability-identifier-naming)
}

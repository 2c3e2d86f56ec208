#include "inspect/ja3.h"

#include <charconv>

#include "base/digest.h"

namespace spanflow {
namespace {

constexpr std::size_t kMostNumber = 6;  // octets of a number of 16 bits, with the character after it

}  // namespace

Md5Text Ja3::of(const ClientHello& hello) {
  start(hello.ciphers.size() + hello.extensions.most() + hello.groups.size() + hello.point_formats.captured());
  append(hello.legacy_version, ',');
  append(hello.ciphers);
  append_types(hello.extensions);
  append(hello.groups);
  for (std::size_t i = 0; i < hello.point_formats.captured(); ++i) append(hello.point_formats.u8(i), '-');
  end_list();
  return hash();
}

Md5Text Ja3::of(const ServerHello& hello) {
  start(hello.extensions.most());
  append(hello.legacy_version, ',');
  append(hello.cipher, ',');
  append_types(hello.extensions);
  return hash();
}

// Makes room for a text with this many numbers, beside a version and a cipher.
void Ja3::start(std::size_t numbers) {
  constexpr std::size_t kOthers = 8;  // versions, and the commas of empty lists
  const std::size_t room = (numbers + kOthers) * kMostNumber;
  if (text_.size() < room) text_.resize(room);
  size_ = 0;
}

void Ja3::append(std::uint32_t number, char after) {
  const auto written = std::to_chars(&text_[size_], &text_[size_] + kMostNumber, number);
  *written.ptr = after;
  size_ = static_cast<std::size_t>(written.ptr + 1 - text_.data());
}

void Ja3::append(const NumberList& numbers) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (!is_grease(numbers[i])) append(numbers[i], '-');
  }
  end_list();
}

void Ja3::append_types(ExtensionReader extensions) {
  while (const auto extension = extensions.next()) {
    if (!is_grease(extension->type)) append(extension->type, '-');
  }
  end_list();
}

// A comma ends each list: it replaces the last dash, or follows an empty list.
void Ja3::end_list() {
  if (text_[size_ - 1] == '-') --size_;
  text_[size_++] = ',';
}

// The text has a comma after its last list, which is not part of JA3.
Md5Text Ja3::hash() const { return hex_of(md5({text_.data(), size_ - 1})); }

}  // namespace spanflow

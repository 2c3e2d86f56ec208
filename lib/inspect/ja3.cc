#include "inspect/ja3.h"

#include "base/digest.h"

namespace spanflow {

Md5Text Ja3::of(const ClientHello& hello) {
  text_.clear();
  append(hello.legacy_version, ',');
  append(hello.ciphers);
  append_types(hello.extensions);
  append(hello.groups);
  for (std::size_t i = 0; i < hello.point_formats.captured(); ++i) append(hello.point_formats.u8(i), '-');
  end_list();
  return hash();
}

Md5Text Ja3::of(const ServerHello& hello) {
  text_.clear();
  append(hello.legacy_version, ',');
  append(hello.cipher, ',');
  append_types(hello.extensions);
  return hash();
}

void Ja3::append(std::uint32_t number, char after) {
  const fmt::format_int digits(number);
  text_.append(digits.data(), digits.data() + digits.size());
  text_.push_back(after);
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
  if (text_[text_.size() - 1] == '-') {
    text_[text_.size() - 1] = ',';
  } else {
    text_.push_back(',');
  }
}

// The text has a comma after its last list, which is not part of JA3.
Md5Text Ja3::hash() const { return hex_of(md5({text_.data(), text_.size() - 1})); }

}  // namespace spanflow

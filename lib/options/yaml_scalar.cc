#include "options/yaml_scalar.h"

#include <fmt/format.h>

namespace spanflow {

std::string yaml_scalar(std::string_view text) {
  const bool plain = !text.empty() && text != "-" &&
                     text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-") ==
                         std::string_view::npos;
  const bool like_number = !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos;
  const bool like_null = text == "null" || text == "Null" || text == "NULL";
  if (plain && !like_number && !like_null && text != "true" && text != "false") return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\x{:02x}", byte);  // YAML would read a raw line break as a space
    } else {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace spanflow

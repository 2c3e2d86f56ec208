// Writes manual pages: man(7) macros out of plain text.
#pragma once

#include <string>
#include <string_view>

namespace spanflow {

// One page, written from its top to its end. In texts and terms, `literal` comes out bold and *placeholder* underlined;
// nothing else in them means anything to roff. Lines break where the reader's terminal wants it.
class ManPage {
 public:
  struct Title {
    std::string_view name;
    int section;
    std::string_view version;
    std::string_view summary;  // what NAME says behind the name
  };

  explicit ManPage(const Title& title);

  void section(std::string_view heading);
  void subsection(std::string_view heading);
  void paragraph(std::string_view text);
  // A line of its own, such as one way to call a program.
  void line(std::string_view text);
  void item(std::string_view term, std::string_view text);
  // The items between belong to the one before.
  void begin_nested();
  void end_nested();
  // As it stands, backticks and asterisks included.
  void example(std::string_view lines);

  const std::string& text() const { return text_; }

 private:
  void add(std::string_view line);

  std::string text_;
  bool after_heading_ = false;  // which begins a paragraph already
};

}  // namespace spanflow

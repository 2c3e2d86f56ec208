// Writes manual pages: plain text to man(7) macros.
#pragma once

#include <string>
#include <string_view>

namespace spanflow {

// One page, written from top to bottom. In texts and terms, `literal` is bold and *placeholder* underlined; everything
// else is plain text. The reader's terminal breaks the lines.
class ManPage {
 public:
  struct Title {
    std::string_view name;
    int section;
    std::string_view version;
    std::string_view summary;  // the description in section NAME
  };

  explicit ManPage(const Title& title);

  void section(std::string_view heading);
  void subsection(std::string_view heading);
  void paragraph(std::string_view text);
  // A line that is not joined with others, such as a way to call a program.
  void line(std::string_view text);
  void item(std::string_view term, std::string_view text);
  // The items in between belong to the item before.
  void begin_nested();
  void end_nested();
  // Printed as it is, including backticks and asterisks.
  void example(std::string_view lines);

  const std::string& text() const { return text_; }

 private:
  void add(std::string_view line);

  std::string text_;
  bool after_heading_ = false;  // a heading already begins a paragraph
};

}  // namespace spanflow

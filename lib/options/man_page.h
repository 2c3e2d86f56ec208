// Writes manual pages: converts plain text to man(7) macros.
#pragma once

#include <string>
#include <string_view>

namespace spanflow {

// One page, written from top to bottom. In texts and terms, `literal` becomes bold and *placeholder* becomes
// underlined; all other text is plain. man(1) breaks the lines when it shows the page.
class ManPage {
 public:
  struct Title {
    std::string_view name;
    int section;
    std::string_view version;
    std::string_view summary;  // text of the section NAME
  };

  explicit ManPage(const Title& title);

  void section(std::string_view heading);
  void subsection(std::string_view heading);
  void paragraph(std::string_view text);
  // Adds text that starts on a new line, such as one of several synopses.
  void line(std::string_view text);
  void item(std::string_view term, std::string_view text);
  // Items between begin_nested() and end_nested() are indented below the previous item.
  void begin_nested();
  void end_nested();
  // Adds lines as they are, including backticks and asterisks.
  void example(std::string_view lines);

  const std::string& text() const { return text_; }

 private:
  void add(std::string_view line);

  std::string text_;
  bool after_heading_ = false;  // true directly after a heading: the heading itself begins a paragraph
};

}  // namespace spanflow

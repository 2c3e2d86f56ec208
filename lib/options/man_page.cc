#include "options/man_page.h"

#include <fmt/format.h>

namespace spanflow {
namespace {

// Returns the roff escape for a character, or an empty text if the character needs none. Without the escapes, roff
// turns hyphens, quotes, carets and tildes into typographic characters, and text copied from the page does not work.
std::string_view escaped(char c) {
  switch (c) {
    case '\\':
      return "\\(rs";
    case '-':
      return "\\-";
    case '\'':
      return "\\(aq";
    case '"':
      return "\\(dq";
    case '`':
      return "\\(ga";
    case '^':
      return "\\(ha";
    case '~':
      return "\\(ti";
    default:
      return {};
  }
}

std::string verbatim(std::string_view text) {
  std::string out;
  for (const char c : text) {
    // roff reads a line that starts with a dot as a request. The escape \& before the dot prevents this.
    if (c == '.' && (out.empty() || out.back() == '\n')) out += "\\&";
    if (const std::string_view escape = escaped(c); !escape.empty()) {
      out += escape;
    } else {
      out += c;
    }
  }
  return out;
}

std::string marked_up(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto mark = text.find_first_of("`*");
    const auto end = mark == std::string_view::npos ? mark : text.find(text[mark], mark + 1);
    if (end == std::string_view::npos) break;
    out += verbatim(text.substr(0, mark));
    out += fmt::format("\\f{}{}\\fR", text[mark] == '`' ? 'B' : 'I', verbatim(text.substr(mark + 1, end - mark - 1)));
    text.remove_prefix(end + 1);
  }
  return out + verbatim(text);
}

}  // namespace

ManPage::ManPage(const Title& title) {
  add(fmt::format(".TH {} {} \"\" \"spanflow {}\"", verbatim(title.name), title.section, title.version));
  add(".ad l\n.nh");  // no justification and no hyphenation, because most words are names
  section("NAME");
  add(fmt::format("{} \\- {}", verbatim(title.name), verbatim(title.summary)));
}

void ManPage::section(std::string_view heading) {
  add(fmt::format(".SH {}", verbatim(heading)));
  after_heading_ = true;
}

void ManPage::subsection(std::string_view heading) {
  add(fmt::format(".SS {}", verbatim(heading)));
  after_heading_ = true;
}

void ManPage::paragraph(std::string_view text) {
  if (!after_heading_) add(".PP");
  add(marked_up(text));
}

void ManPage::line(std::string_view text) {
  if (!after_heading_) add(".br");
  add(marked_up(text));
}

void ManPage::item(std::string_view term, std::string_view text) {
  add(".TP");
  add(marked_up(term));
  add(marked_up(text));
}

void ManPage::begin_nested() { add(".RS"); }

void ManPage::end_nested() { add(".RE"); }

void ManPage::example(std::string_view lines) {
  add(".RS 4\n.EX");
  add(verbatim(lines));
  add(".EE\n.RE");
}

void ManPage::add(std::string_view line) {
  text_ += line;
  if (text_.back() != '\n') text_ += '\n';
  after_heading_ = false;
}

}  // namespace spanflow

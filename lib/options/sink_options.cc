#include "options/sink_options.h"

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>

#include "options/yaml_scalar.h"
#include "sinks/field_selection.h"
#include "sinks/sink.h"

namespace spanflow {
namespace {

using namespace values;

using SinkMember = MemberOption<SinkConfig>;
using SinkMembers = std::vector<SinkMember>;
using Properties = std::map<std::string, std::string>;

ValueType<Properties> properties(const PropertiesSetting& setting) {
  return {setting.expected, R"("type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]})",
          [setting](const YAML::Node& node) {
            if (!node.IsMap()) throw OptionError{.expected = setting.expected};
            Properties properties;
            for (const auto& entry : node) {
              const std::string name = scalar_of(entry.first, setting.expected);
              OptionError error{.name_suffix = "." + name};
              place(error, entry.first);
              if (!entry.second.IsScalar()) error.complaint = "expected a value, got " + described(entry.second);
              if (error.complaint.empty()) error.complaint = setting.complaint(name, entry.second.Scalar());
              if (!error.complaint.empty()) throw error;
              properties[name] = entry.second.Scalar();
            }
            return properties;
          },
          [](const Properties& properties) {
            std::vector<std::string> shown;
            for (const auto& [name, value] : properties) {
              shown.push_back(fmt::format("{}: {}", yaml_scalar(name), yaml_scalar(value)));
            }
            return fmt::format("{{{}}}", fmt::join(shown, ", "));
          }};
}

template <typename T>
ValueType<T> maybe_off(const ValueType<T>& type, bool may_be_off) {
  return may_be_off ? or_off(type) : type;
}

ValueType<std::string> type_of(const TextSetting&) { return text(); }
ValueType<bool> type_of(const FlagSetting&) { return boolean(); }
ValueType<std::uint64_t> type_of(const NumberSetting& setting) { return whole_number(setting.least, setting.most); }
ValueType<std::uint64_t> type_of(const SizeSetting& setting) {
  return maybe_off(size(setting.least, setting.most), setting.may_be_off);
}
ValueType<Nanoseconds> type_of(const DurationSetting& setting) {
  const auto type = setting.most ? duration(setting.least, *setting.most) : duration(setting.least);
  return maybe_off(type, setting.may_be_off);
}
ValueType<std::size_t> type_of(const ChoiceSetting& setting) {
  std::vector<std::pair<std::string, std::size_t>> words;
  for (const std::string& word : setting.words) words.emplace_back(word, words.size());
  return choice(std::move(words));
}
ValueType<Properties> type_of(const PropertiesSetting& setting) { return properties(setting); }

SinkMembers members_of(const std::vector<Setting>& settings);

template <typename Kind>
SinkMember member_of(const Setting& setting, const Kind& kind) {
  const auto type = type_of(kind);
  return {setting.name,
          setting.help,
          type.schema,
          [type, at = kind.at](SinkConfig& sink, const YAML::Node& node) { at.set(sink.settings, type.read(node)); },
          [type, at = kind.at](const SinkConfig& sink) { return type.show(at.get(sink.settings)); },
          type.expected,
          type.members};
}

SinkMember member_of(const Setting& setting, const MappingSetting& mapping_setting) {
  const SinkMembers members = members_of(mapping_setting.members);
  const auto type = mapping<SinkConfig>(members, mapping_setting.expected);
  return {setting.name, setting.help,  type.schema, mapping_reader(members, type.expected),
          type.show,    type.expected, type.members};
}

SinkMembers members_of(const std::vector<Setting>& settings) {
  SinkMembers members;
  for (const Setting& setting : settings) {
    members.push_back(std::visit([&](const auto& kind) { return member_of(setting, kind); }, setting.kind));
  }
  return members;
}

SinkMembers common_members() {
  std::vector<std::string> types;
  for (const SinkType& type : sink_types()) types.emplace_back(type.name);
  return {member("type", &SinkConfig::type, word_of(types), "type of the sink"),
          member("fields", &SinkConfig::fields, field_selection(), "fields of this sink; default: output.fields"),
          member("queue", &SinkConfig::queue, whole_number(1, 100'000'000), "records that may wait for this sink")};
}

// Collects the keys of all sink types, for the documentation. Keys with the same name become one key. If their help
// texts differ, the help of this key has a part for each text.
class AllMembers {
 public:
  explicit AllMembers(SinkMembers common) : members_(std::move(common)) {}

  void add(const std::string& type, const SinkMember& member) {
    Helps& helps = helps_[member.name];
    if (helps.empty()) members_.push_back(member);
    if (std::ranges::find(members_, member.name, &SinkMember::name)->schema != member.schema) {
      throw std::logic_error(member.name + ": two types of sink have this option, of different kinds");
    }
    const auto same = std::ranges::find(helps, member.help, &Help::text);
    Help& help = same != helps.end() ? *same : helps.emplace_back(Help{.types = {}, .text = member.help});
    help.types.push_back(type);
  }

  SinkMembers take() {
    for (SinkMember& member : members_) {
      if (const auto found = helps_.find(member.name); found != helps_.end()) explain(found->second, member);
    }
    return std::move(members_);
  }

 private:
  struct Help {
    std::vector<std::string> types;
    std::string text;
  };
  using Helps = std::vector<Help>;

  static void explain(const Helps& helps, SinkMember& member) {
    std::vector<std::string> types;
    std::vector<std::string> texts;
    for (const Help& help : helps) {
      types.insert(types.end(), help.types.begin(), help.types.end());
      texts.push_back(fmt::format("{}: {}", fmt::join(help.types, ", "), help.text));
    }
    member.of = fmt::format("{}", fmt::join(types, ", "));
    if (helps.size() > 1) member.help = fmt::format("{}", fmt::join(texts, "; "));
  }

  SinkMembers members_;
  std::map<std::string, Helps> helps_;
};

// The keys of each sink type, and the merged keys of all types.
struct SinkOptionTable {
  SinkOptionTable() {
    const SinkMembers common = common_members();
    AllMembers merged(common);
    for (const SinkType& type : sink_types()) {
      SinkMembers& members = by_type[std::string(type.name)] = common;
      for (const SinkMember& member : members_of(type.options)) {
        members.push_back(member);
        merged.add(std::string(type.name), member);
      }
    }
    all = merged.take();
  }

  std::map<std::string, SinkMembers> by_type;
  SinkMembers all;
};

// Returns the sink type that the node names, such as "csv". Returns the default type if the node names no type.
std::string type_of_sink(const YAML::Node& node, const SinkMember& type_member) {
  SinkConfig sink;
  for (const auto& entry : node) {
    if (entry.first.Scalar() != type_member.name) continue;
    read_member(type_member, entry, sink);
    break;
  }
  return sink.type;
}

std::string complaint_about_key(const SinkMembers& all, const std::string& type, const std::string& key) {
  std::vector<std::string> names;
  for (const SinkMember& member : all) names.push_back(member.name);
  const bool is_of_another_type = std::ranges::find(names, key) != names.end();
  return is_of_another_type ? fmt::format("a {} sink has no such option", type)
                            : "unknown key" + did_you_mean(key, names);
}

SinkConfig read_sink(const SinkOptionTable& table, const std::string& expected, const YAML::Node& node) {
  if (!node.IsMap()) throw OptionError{.expected = expected};
  const std::string type = type_of_sink(node, table.all.front());
  if (const auto absence = find_sink_type(type)->absence; !absence.empty()) {
    throw OptionError{.complaint = std::string(absence)};
  }
  SinkConfig sink;
  read_members(node, table.by_type.at(type), sink,
               [&](const std::string& key) { return complaint_about_key(table.all, type, key); });
  const std::string complaint = sink_type(sink).complaint(sink.settings);
  if (!complaint.empty()) throw OptionError{.complaint = complaint};
  return sink;
}

}  // namespace

values::ValueType<std::vector<std::string>> field_selection() {
  std::vector<std::string> known(kFieldSets.begin(), kFieldSets.end());
  for (const Field& field : fields()) known.emplace_back(field.name);
  // An error message shows only the nearest field name, because a list of all names would be too long.
  const ValueType<std::string> word =
      described_as(fmt::format("{} or a field name, see --list-fields", fmt::join(kFieldSets, ", ")), word_of(known));
  ValueType<std::vector<std::string>> list = list_of(word);
  list.expected = fmt::format("{}, or a list of field names", fmt::join(kFieldSets, ", "));
  list.schema = fmt::format(R"("oneOf": [{{"enum": [{0}]}}, {{"type": "array", "items": {{"enum": [{0}]}}}}])",
                            quoted_list(known));
  list.read = [word, read_list = list.read](const YAML::Node& node) {
    return node.IsScalar() ? std::vector<std::string>{word.read(node)} : read_list(node);
  };
  return list;
}

values::ValueType<SinkConfig> sink() {
  // A value type is copied often. All copies share one table, because copying it would take most of the program's start
  // time.
  const auto table = std::make_shared<const SinkOptionTable>();
  auto type = mapping<SinkConfig>(table->all, "a sink");
  type.read = [table, expected = type.expected](const YAML::Node& node) { return read_sink(*table, expected, node); };
  type.show = [table](const SinkConfig& sink) { return show_members(table->by_type.at(sink.type), sink); };
  return type;
}

}  // namespace spanflow

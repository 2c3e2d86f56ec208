#include "command_line.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/error.h"
#include "base/utf8.h"
#include "decode/describe_captures.h"
#include "manual.h"
#include "monitor/prometheus.h"
#include "options/describe.h"
#include "options/loader.h"
#include "options/nearest_word.h"
#include "sinks/field_reference.h"
#include "sinks/sink.h"
#include "telemetry/counters.h"
#include "version.h"

namespace spanflow {
namespace {

// The arguments as CLI11 stores them: values are text that has not been checked.
struct Flags {
  std::string config_file;
  std::vector<std::string> files;
  std::string interface;
  std::vector<std::string> devices;
  std::vector<std::string> targets;
  std::vector<std::string> settings;
  std::string workers;
  std::string user;
  std::string duration;
  std::string summary_file;
  bool quiet = false;
  bool check_config = false;
  bool dump_config = false;
  std::string list_options_as;
  std::string list_fields_as;
  bool list_counters = false;
  bool list_captures = false;
  bool man = false;
  bool list_telemetry = false;
  bool version = false;
};

// The forms of the argument of --write, one for each type of sink, such as "jsonl:PATH".
std::vector<std::string> target_forms() {
  std::vector<std::string> forms;
  for (const SinkType& type : sink_types()) forms.push_back(fmt::format("{}:{}", type.name, type.target_form));
  return forms;
}

void declare(CLI::App& app, Flags& flags, CLI::Option*& list_options_flag, CLI::Option*& list_fields_flag) {
  app.add_option("-c,--config", flags.config_file, "configuration file (YAML)")->type_name("FILE");
  app.add_option("-r,--read", flags.files, "capture files, read in order; - is standard input")->type_name("FILE...");
  app.add_option("-i,--interface", flags.interface, "kernel interface to capture from")->type_name("NAME");
  app.add_option("-d,--device", flags.devices, "DPDK device: a PCI address or a vdev string; may be repeated")
      ->type_name("DEVARGS")
      ->allow_extra_args(false);
  app.add_option("-w,--write", flags.targets,
                 fmt::format("{}; - is standard output; may be repeated", fmt::join(target_forms(), " or ")))
      ->type_name("TARGET")
      ->allow_extra_args(false);
  app.add_option("-s,--set", flags.settings, "any option by its dotted name: -s flow.capacity=1000000; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  app.add_option("--workers", flags.workers, "number of worker threads")->type_name("N");
  app.add_option("--user", flags.user, "if started as root: user to become once the input is open")->type_name("NAME");
  app.add_option("--duration", flags.duration, "stop after this time, such as 60s or 5m")->type_name("TIME");
  app.add_option("--summary", flags.summary_file, "write the run's summary and ledgers as JSON; - is standard output")
      ->type_name("FILE");
  app.add_flag("--quiet", flags.quiet, "write no progress and no summary to standard error");
  app.add_flag("--check-config", flags.check_config, "check the configuration and exit");
  app.add_flag("--dump-config", flags.dump_config, "print the effective configuration and exit");
  list_options_flag = app.add_option("--list-options", flags.list_options_as,
                                     "list the options of the configuration (as: markdown, schema, man) and exit")
                          ->type_name("[AS]")
                          ->expected(0, 1);
  list_fields_flag = app.add_option("--list-fields", flags.list_fields_as,
                                    "list the fields of a record (as: markdown, proto, python) and exit")
                         ->type_name("[AS]")
                         ->expected(0, 1);
  app.add_flag("--list-captures", flags.list_captures,
               "list the link types, headers and tunnels that are read and exit");
  app.add_flag("--list-counters", flags.list_counters, "list the counters and exit");
  app.add_flag("--man", flags.man, "print the manual page as roff and exit");
  app.add_flag("--list-telemetry", flags.list_telemetry, "list the Prometheus metrics and exit");
  app.add_flag("--version", flags.version, "print the version and exit");
}

SinkConfig parse_target(const std::string& target) {
  const auto colon = target.find(':');
  SinkConfig sink;
  sink.type = target.substr(0, colon);
  const SinkType* const type = find_sink_type(sink.type);
  if (type != nullptr && !type->absence.empty()) throw ConfigError(std::string(type->absence));
  if (type != nullptr && colon != std::string::npos) {
    if (auto settings = type->from_target(target.substr(colon + 1))) {
      sink.settings = *std::move(settings);
      return sink;
    }
  }
  std::vector<std::string> types;
  for (const SinkType& each : sink_types()) types.emplace_back(each.name);
  const std::string near = nearest(sink.type, types);
  throw ConfigError(fmt::format("--write {}: expected {}{}", shortened(target), fmt::join(target_forms(), " or "),
                                near.empty() || near == sink.type ? "" : fmt::format(", did you mean {}?", near)));
}

// Applies a flag that is another name for an option of the configuration. An error message names the flag instead of
// the option.
void apply_flag(const std::string& flag, const std::string& name, const std::string& value, Config& config) {
  if (value.empty()) return;
  const std::string setting = name + "=" + value;
  try {
    apply_setting(setting, config);
  } catch (const ConfigError& error) {
    std::string_view text = error.what();
    for (const std::string& prefix : {fmt::format("--set {}: ", shortened(setting)), fmt::format("{}: ", name)}) {
      if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
    }
    throw ConfigError(fmt::format("{} {}: {}", flag, shortened(value), text));
  }
}

// Each of --read, --interface and --device replaces all inputs of the configuration file. If no sink is configured, the
// records then go to standard output as JSON lines.
void apply_input_flags(const Flags& flags, Config& config) {
  const int kinds = (flags.files.empty() ? 0 : 1) + (flags.interface.empty() ? 0 : 1) + (flags.devices.empty() ? 0 : 1);
  if (kinds > 1) throw ConfigError("--read, --interface and --device exclude each other");
  if (kinds == 0) return;
  config.input.files = flags.files;
  config.input.interface = flags.interface;
  config.input.devices = flags.devices;
  if (config.sinks.empty()) config.sinks = {SinkConfig{}};
}

Config make_config(const Flags& flags) {
  Config config;
  if (!flags.config_file.empty()) load_yaml_file(flags.config_file, config);
  for (const std::string& setting : flags.settings) apply_setting(setting, config);
  apply_flag("--workers", "workers", flags.workers, config);
  apply_flag("--user", "user", flags.user, config);
  apply_flag("--duration", "input.duration", flags.duration, config);
  if (!flags.targets.empty()) config.sinks.clear();
  for (const std::string& target : flags.targets) config.sinks.push_back(parse_target(target));
  apply_input_flags(flags, config);
  return config;
}

std::string list_options_as(const std::string& form) {
  if (form.empty() || form == "markdown") return list_options();
  if (form == "schema") return config_schema();
  if (form == "man") return options_manual(kVersion);
  throw ConfigError(fmt::format("--list-options {}: expected markdown, schema or man", form));
}

std::string list_fields_as(const std::string& form) {
  if (form.empty() || form == "markdown") return list_fields();
  if (form == "proto") return list_fields_as_proto();
  if (form == "python") return list_fields_as_stub();
  throw ConfigError(fmt::format("--list-fields {}: expected markdown, proto or python", form));
}

}  // namespace

CommandLine parse_command_line(int argc, char** argv) {
  CLI::App app{"Writes one record per network flow of a capture file, a kernel interface or a DPDK device."};
  app.name("spanflowd");
  app.set_help_flag("-h,--help", "print this help and exit");
  app.footer(daemon_examples());
  Flags flags;
  CLI::Option* list_options_flag = nullptr;
  CLI::Option* list_fields_flag = nullptr;
  declare(app, flags, list_options_flag, list_fields_flag);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return {.answer = app.help()};
  } catch (const CLI::ParseError& error) {
    throw ConfigError(fmt::format("{}; see spanflowd --help", shortened(error.what())));
  }
  if (flags.man) return {.answer = daemon_manual(app)};
  if (flags.version) return {.answer = fmt::format("spanflowd {}\n", kVersion)};
  // The answer needs a variable because of a bug in gcc 12: if an initializer in a return statement throws, gcc 12 also
  // destroys members that it has not constructed.
  std::string answer;
  if (list_options_flag->count() > 0) answer = list_options_as(flags.list_options_as);
  if (list_fields_flag->count() > 0) answer = list_fields_as(flags.list_fields_as);
  if (!answer.empty()) return {.answer = std::move(answer)};
  if (flags.list_captures) return {.answer = list_captures()};
  if (flags.list_counters) return {.answer = list_counters()};
  if (flags.list_telemetry) return {.answer = list_telemetry()};
  CommandLine line{.config = make_config(flags),
                   .has_config_file = !flags.config_file.empty(),
                   .quiet = flags.quiet,
                   .check_only = flags.check_config,
                   .summary_file = flags.summary_file};
  if (flags.dump_config) {
    line.answer = dump_config(line.config);
  } else {
    check(line.config);
  }
  return line;
}

}  // namespace spanflow

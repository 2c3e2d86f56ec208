# Completes spanflowd's command line in bash. The words come from the program's --help and --list-options.

# The lines of --help for the argument $1 (default: all). Its description may be on the next line.
_spanflowd_help() {
  "$program" --help 2>/dev/null | grep -E -A 1 -e "^ +(-[a-z],)?(${1:-.*})( |\$)"
}

_spanflowd_arguments() {
  "$program" --help 2>/dev/null | grep -oE '^ +-[^ ]+' | tr -d ' ' | tr ',' '\n'
}

# The forms in a description such as "... (as: markdown, schema)".
_spanflowd_forms() {
  _spanflowd_help "$1" | sed -n 's/.*(as: \([^)]*\)).*/\1/p' | head -n 1 | tr -d ','
}

# The types in the description "jsonl:PATH or csv:PATH ...".
_spanflowd_sink_types() {
  _spanflowd_help --write | grep -oE '[a-z]+:[A-Za-z]' | grep -o '.*:'
}

_spanflowd_option_names() {
  "$program" --list-options 2>/dev/null | sed -n 's/^| `\([^`]*\)`.*/\1/p'
}

# The values of the option $1, if its values are a few words.
_spanflowd_option_words() {
  "$program" --list-options 2>/dev/null | grep -F "| \`$1\` |" |
    sed -nE 's/^.*\| one of ([^|]*) \|.*$/\1/p; s/^.*\| (true or false) \|.*$/\1/p' | sed 's/ or /, /' | tr -d ','
}

_spanflowd_give() {
  mapfile -t COMPREPLY < <(compgen "$@" -- "$current")
}

_spanflowd() {
  local program=$1 current=$2 at=$((COMP_CWORD - 1))
  # Finds the argument that this value belongs to. bash splits "name=value" and "type:path" into three words.
  while ((at > 0)) && [[ ${COMP_WORDS[at]} != -?* ]]; do ((at -= 1)); done
  local argument=${COMP_WORDS[at]} first=${COMP_WORDS[at + 1]} place=$((COMP_CWORD - at))
  if [[ $current == [=:] ]]; then current=; fi
  if [[ $current == -* ]]; then place=none; fi
  case $argument/$place in
    -c/1 | --config/1 | --summary/1 | -r/[1-9]* | --read/[1-9]* | -w/[23] | --write/[23])
      compopt -o filenames  # only for files: it would escape the = and : of other values
      _spanflowd_give -f
      ;;
    -i/1 | --interface/1) _spanflowd_give -W "$(ls /sys/class/net)" ;;
    -w/1 | --write/1)
      compopt -o nospace
      _spanflowd_give -W "$(_spanflowd_sink_types)"
      ;;
    -s/1 | --set/1)
      compopt -o nospace
      _spanflowd_give -S = -W "$(_spanflowd_option_names)"
      ;;
    -s/[23] | --set/[23]) _spanflowd_give -W "$(_spanflowd_option_words "$first")" ;;
    --list-options/1 | --list-fields/1) _spanflowd_give -W "$(_spanflowd_forms "$argument")" ;;
    -d/1 | --device/1 | --workers/1 | --duration/1) ;;
    *) _spanflowd_give -W "$(_spanflowd_arguments)" ;;
  esac
}

complete -F _spanflowd spanflowd

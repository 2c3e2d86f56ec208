# Completes spanflowctl's command line in bash. The words come from the program's --help.

_spanflowctl_commands() {
  "$program" --help 2>/dev/null | sed -n '/^Subcommands:/,/^$/s/^  \([a-z-]*\) .*/\1/p'
}

# The arguments of the program, or of the command $1.
_spanflowctl_arguments() {
  "$program" $1 --help 2>/dev/null | grep -oE '^ +-[^ ]+' | tr -d ' ' | tr ',' '\n'
}

_spanflowctl() {
  local program=$1 current=$2 before=$3 command= word
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [[ " $(_spanflowctl_commands | tr '\n' ' ')" == *" $word "* ]]; then command=$word; fi
  done
  local give=
  case $before in
    -i | --instance) give=$(compgen -G '/run/spanflow/*/control.sock' | cut -d / -f 4) ;;
    --socket)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
    log-level) give='debug info warning error' ;;
    *)
      give=$(_spanflowctl_arguments "$command")
      if [[ -z $command && $current != -* ]]; then give=$(_spanflowctl_commands); fi
      ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$give" -- "$current")
}

complete -F _spanflowctl spanflowctl

"""Ways to run a program without naming it where commands are looked for: each is found, or not understood.

`evil` is what is to run. Where bash looks for it, it was found in the text, or the text was said to be unclear.
"""

from pathlib import Path

import pytest
from bash_runs import run

from antiphon.shell.parsing import parse
from antiphon.shell.wrappers import unfolded

EVASIONS = r"""
w='a[$(evil)]'; echo ${v:w}
%%
w='a[$(evil)]'; test -v "$w"
%%
w='a[$(evil)]'; test "-v" "$w"
%%
a=-v; b='x[$(evil)]'; test "$a" "$b"
%%
[ -v 'x[$(evil)]' ]
%%
[ -f x -o -v 'x[$(evil)]' ]
%%
printf -v'x[$(evil)]' y
%%
printf '-v' 'x[$(evil)]' y
%%
printf -- '%s' x
%%
read -r 'x[$(evil)]' <<< y
%%
read <<< y 'x[$(evil)]'
%%
read -a x <<< y
%%
unset 'x[$(evil)]'
%%
unset -v 'x[$(evil)]'
%%
declare 'x[$(evil)]=1'
%%
declare -- 'x[$(evil)]=1'
%%
export 'x[$(evil)]=1'
%%
typeset -A x; typeset 'x[$(evil)]=1'
%%
local x
%%
declare -ai x=1
%%
declare +i x
%%
declare -a x='($(evil))'
%%
declare -a x; x='($(evil))'
%%
readonly -a 'x=($(evil))'
%%
export -a 'x=($(evil))'
%%
declare -x -a 'x=($(evil))'
%%
declare x="($(a))"
%%
let 'x[$(evil)]=1'
%%
wait -p 'x[$(evil)]' 1
%%
wait -n -p 'x[$(evil)]'
%%
mapfile 'x[$(evil)]' <<< y
%%
mapfile -C evil -c 1 x <<< y
%%
readarray -tC evil -c1 x <<< y
%%
readarray -c1 -C evil x <<< y
%%
getopts a 'x[$(evil)]' -a
%%
getopts a x -a
%%
PS4='$(evil)'; set -x; a
%%
PS4='$(evil)' bash -xc a
%%
x='$(evil)'; echo ${x@P}
%%
x='a[$(evil)]'; echo ${!x}
%%
x='a[$(evil)]'; echo $((x))
%%
x='a[$(evil)]'; ((x))
%%
x='a[$(evil)]'; [[ $x -eq 1 ]]
%%
x='a[$(evil)]'; [[ x -lt 1 ]]
%%
[[ -v 'a[$(evil)]' ]]
%%
x='a[$(evil)]'; echo ${a[x]}
%%
x='a[$(evil)]'; echo ${a:x}
%%
x='a[$(evil)]'; echo ${a:0:x}
%%
x='a[$(evil)]'; a[x]=1
%%
x='a[$(evil)]'; b=([x]=1)
%%
x='a[$(evil)]'; for ((;x;)); do :; done
%%
shopt -s expand_aliases
%%
alias a=evil; a
%%
BASH_ALIASES[a]=evil
%%
BASH_CMDS[a]=/bin/true; a
%%
hash -p /bin/true a; a
%%
trap evil EXIT
%%
trap evil DEBUG; a
%%
trap 'evil' ERR; false
%%
trap -- evil 0
%%
trap "" EXIT
%%
PROMPT_COMMAND=evil; a
%%
BASH_ENV=x bash -c a
%%
enable -n echo; echo a
%%
command_not_found_handle() { :; }; a
%%
coproc evil
%%
exec evil
%%
exec -a x evil
%%
exec -- evil
%%
command evil
%%
command -p evil
%%
command -- evil
%%
command -v evil
%%
builtin eval evil
%%
builtin command evil
%%
eval "evil"
%%
eval -- evil
%%
eval evil \; b
%%
eval 'a' '; evil'
%%
env evil
%%
time -- evil
%%
time -p -- evil
%%
a=evil; $a
%%
a=(evil); "${a[@]}"
%%
${x:-evil}
%%
"${x:-evil}"
%%
${x:=evil}
%%
ev""il
%%
ev\il
%%
'evil'
%%
$'evil'
%%
"ev"'il'
%%
~/evil
%%
{evil,a}
%%
e{vi,}l
%%
[ a ] evil
%%
`echo evil`
%%
<(evil)
%%
>(evil) a
%%
a <(evil)
%%
a > >(evil)
%%
a 2> >(evil)
%%
a <<< `evil`
%%
a <<< "$(evil)"
%%
cat <<E
$(evil)
E
%%
cat <<E
x $(evil) y
E
%%
cat <<E
x `evil` y
E
%%
cat <<"E"
$(evil)
E
%%
a "${x:-`evil`}"
%%
a ${x:+$(evil)} ${x:-$(evil)}
%%
a ${x/$(evil)/}
%%
a ${x#$(evil)}
%%
a ${x:$(evil)}
%%
case $(evil) in a) ;; esac
%%
case a in $(evil)) ;; esac
%%
for i in $(evil); do :; done
%%
for i in a; do evil; done
%%
while evil; do break; done
%%
if evil; then :; fi
%%
if :; then evil; fi
%%
if false; then :; elif evil; then :; fi
%%
if false; then :; else evil; fi
%%
! evil
%%
{ evil; }
%%
(evil)
%%
((1)); evil
%%
a & evil
%%
f() { evil; }; f
%%
f() ( evil ); f
%%
function f { evil; }; f
%%
f() { :; } > $(evil); f
%%
x=$(evil)
%%
x=$(evil) a
%%
export x=$(evil)
%%
x=($(evil))
%%
x+=($(evil))
%%
x[0]=$(evil)
%%
[ $(evil) ]
%%
[[ $(evil) ]]
%%
[[ a == $(evil) ]]
%%
[[ a =~ $(evil) ]]
%%
[[ a =~ `evil` ]]
%%
echo $(( $(evil) ))
%%
echo $[ $(evil) ]
%%
echo "$(evil)"
%%
echo "a\"$(evil)"
%%
echo 'a'$(evil)
%%
echo "`evil`"
%%
echo "`echo \"$(evil)\"`"
%%
select i in a; do evil; done
%%
a;evil
%%
a #b\
%%
a # $(x
%%
a 'b; evil
%%
w='$(evil)'; a >&$w
%%
a >&'$(evil)'
%%
a <&'$(evil)'
%%
a >&"$w"
%%
jobs -x evil
%%
compgen -C evil
%%
complete -C evil a
%%
fc -s
%%
. /dev/stdin <<< evil
%%
source /dev/stdin <<< evil
%%
exec < <(evil)
%%
bash <<< evil
%%
bash -c evil
%%
bash -c 'a "$1"; $1' _ evil
%%
/bin/bash -c evil
%%
sh -c evil
%%
/bin/bash -ec evil
%%
/bin/bash -o pipefail -c evil
%%
/bin/bash --norc -c evil
%%
/bin/bash +x -c evil
%%
/bin/bash -c -- evil
%%
/bin/bash -ce evil
%%
/bin/bash -c -e evil
%%
/bin/bash -O expand_aliases -c evil
%%
/usr/bin/env -S evil
%%
/usr/bin/env - evil
%%
/usr/bin/env -u x evil
%%
/usr/bin/env a=1 /bin/bash -c evil
%%
/usr/bin/env -- a=1 /bin/bash -c evil
%%
/usr/bin/timeout 5 /bin/bash -c evil
%%
/usr/bin/nice /bin/bash -c evil
%%
/usr/bin/nohup /bin/bash -c evil
%%
/usr/bin/xargs /bin/bash -c evil < /dev/null
%%
/usr/bin/find . -maxdepth 0 -exec /bin/bash -c evil ';'
%%
/usr/bin/find . -maxdepth 0 -exec /bin/bash -c 'evil' {} +
%%
/usr/bin/find . -maxdepth 0 -ex'ec' /bin/bash -c evil ';'
%%
/usr/bin/find . -maxdepth 0 -exec echo + \; -exec /bin/bash -c evil \;
%%
/usr/bin/find . -maxdepth 0 -exec echo {} + -exec /bin/bash -c evil \;
%%
/usr/bin/find . -maxdepth 0 -exec echo ";" -exec /bin/bash -c evil \;
%%
/usr/bin/setsid -w /bin/bash -c evil
%%
/usr/bin/stdbuf -o0 /bin/bash -c evil
%%
/usr/bin/env -C . /bin/bash -c evil
%%
/usr/bin/env --chdir . /bin/bash -c evil
%%
/usr/bin/env -uX /bin/bash -c evil
%%
/usr/bin/timeout -v -k 1 5 /bin/bash -c evil
%%
time x=1 evil
%%
x=1 time evil
%%
time time evil
%%
! ! evil
%%
if a; then b; fi; evil
%%
a && (b || evil)
%%
pushd . && evil
%%
set -- evil; $1
%%
set -- evil; "$@"
%%
shift; evil
%%
return; evil
%%
ulimit -n 'a[$(evil)]'
%%
kill 'a[$(evil)]'
%%
exit 'a[$(evil)]'
%%
test 1 -eq 'a[$(evil)]'
%%
[ 1 -eq 'a[$(evil)]' ]
%%
[ -t 'a[$(evil)]' ]
%%
printf %d 'a[$(evil)]'
%%
cd 'a[$(evil)]'
%%
export x='a[$(evil)]'
%%
umask 'a[$(evil)]'
%%
break 'a[$(evil)]'
%%
for i in a; do break 'a[$(evil)]'; done
%%
read -t 'a[$(evil)]' x
%%
read -N 'a[$(evil)]' x
%%
read -u 'a[$(evil)]' x
%%
type evil
%%
caller 'a[$(evil)]'
%%
dirs +1
%%
shopt -s extglob; echo @(a)
%%
test a -nt 'x[$(evil)]'
%%
x=1; x+=$(evil)
%%
local -n x=y
%%
read x <<< 'a[$(evil)]'; echo ${#x}
%%
mapfile -s 'a[$(evil)]' x < /dev/null
%%
mapfile -O 'a[$(evil)]' x < /dev/null
%%
exec 3< f
%%
printf -v x y
%%
printf '%(%s)T' 'a[$(evil)]'
%%
printf '%*d' 'a[$(evil)]' 1
%%
test 'a[$(evil)]' -ef b
%%
hash 'a[$(evil)]'
%%
[ ! -v 'x[$(evil)]' ]
%%
[ -f "$w" -a -v 'x[$(evil)]' ]
%%
test -R 'x[$(evil)]'
%%
test ! -v 'x[$(evil)]'
%%
test \( -v 'x[$(evil)]' \)
%%
echo ${v:1}
%%
echo ${v: -1}
%%
echo ${@:1}
%%
echo ${w[0]}
%%
echo ${#w[@]}
%%
echo ${w^^}
%%
echo "${w//a/b}"
%%
echo ${w@Q}
%%
export w; readonly w; declare -p w
%%
declare -x q=$w
%%
declare q="$w"
%%
declare -l q=$w
%%
declare -u q='a[$(evil)]'
%%
export -f
%%
a=b evil=c a
%%
a 2>&1 evil
%%
a <<< b evil
%%
a <<'Q' evil
b
Q
""".strip().split("\n%%\n")


def found(text: str) -> set[str | None] | None:
    """Return the names of all programs that a text runs; None where that is not known."""
    script = parse(text)
    commands = None if script is None else unfolded(script.commands)
    return None if commands is None else {command.words[0].text for command in commands if command.words}


@pytest.mark.parametrize("text", EVASIONS)
def test_nothing_runs_that_was_not_found(tmp_path: Path, text: str) -> None:
    names = found(text)
    if names is not None and None not in names:
        assert run(text, tmp_path).programs <= names


def test_most_of_what_they_try_bash_would_do(tmp_path: Path) -> None:
    """So that the test above is no test of nothing."""
    tried = [run(text, tmp_path / str(number)).programs for number, text in enumerate(EVASIONS)]
    assert sum("evil" in programs for programs in tried) > len(EVASIONS) / 3

#!/bin/sh
# Closes the Memcached servers of this host: no UDP, and no address that the internet can reach.
#
#   harden-memcached.sh report                     says what is there, and changes nothing
#   harden-memcached.sh apply [--listen WHERE] [--expected SHA256] [--id ID]
#   harden-memcached.sh undo ID                    puts back what `apply` of that id replaced
#
# WHERE is `auto` (the default: loopback, and the private addresses that clients use), `loopback`, or up to four private
# addresses of this host. --expected changes only the server whose file has this hash. `apply` and `undo` restart the
# server, which empties its cache. docs/memcached.md is the guide.
#
# Standard output is one line of JSON. Exit status: 0 done, or nothing to do; 2 refused, and nothing was changed;
# 3 failed, and the old state is back; 4 failed, and the server is down; 64 wrong arguments.
#
# Needs a POSIX shell, awk, sed, and the commands that every Linux has; no network, nothing to install.
# shellcheck disable=SC2015,SC2016,SC2329 # `a && b || c` means that; awk stands in single quotes; `each` calls by name
set -u
umask 077
LC_ALL=C
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH

newline='
'
tab=$(printf '\t')

# Addresses ------------------------------------------------------------------------------------

# Addresses in one form, and their class: any, loopback, private or public. What is not private counts as public.
awk_addresses='
function digits(h,   i, n) { n = 0; for (i = 1; i <= length(h); i++) n = n * 16 + index("0123456789abcdef", substr(h, i, 1)) - 1; return n }
function is_v4(a,   p, n, i) {
    n = split(a, p, ".")
    if (n != 4) return 0
    for (i = 1; i <= 4; i++) if (p[i] !~ /^[0-9][0-9]?[0-9]?$/ || p[i] > 255) return 0
    return 1
}
# Eight groups without leading zeros; "" for what is no address.
function same_form(a,   n, i, half, h, t, left, right, out) {
    a = tolower(a); sub(/%.*/, "", a); gsub(/[][]/, "", a)
    if (a == "*") return "0.0.0.0"
    if (is_v4(a)) return a
    if (a !~ /:/ || a ~ /[^0-9a-f:.]/) return ""
    if (match(a, /:[0-9]+\.[0-9.]+$/)) {
        t = substr(a, RSTART + 1)
        if (!is_v4(t)) return ""
        split(t, h, ".")
        a = substr(a, 1, RSTART) sprintf("%x:%x", h[1] * 256 + h[2], h[3] * 256 + h[4])
    }
    half = index(a, "::")
    left = half ? substr(a, 1, half - 1) : a; right = half ? substr(a, half + 2) : ""
    n = split(left, h, ":"); t = split(right, right_groups, ":")
    if (half ? n + t > 7 : n != 8) return ""
    for (i = 1; i <= t; i++) h[8 - t + i] = right_groups[i]
    for (i = n + 1; i <= 8 - t && half; i++) h[i] = "0"
    for (i = 1; i <= 8; i++) {
        if (h[i] !~ /^[0-9a-f][0-9a-f]?[0-9a-f]?[0-9a-f]?$/) return ""
        sub(/^0+/, "", h[i]); out = out (i > 1 ? ":" : "") (h[i] == "" ? "0" : h[i])
    }
    if (out == "0:0:0:0:0:0:0:0") return "::"
    if (out == "0:0:0:0:0:0:0:1") return "::1"
    if (out ~ /^0:0:0:0:0:ffff:/) { split(out, h, ":"); t = digits(h[7]); n = digits(h[8]); return int(t / 256) "." t % 256 "." int(n / 256) "." n % 256 }
    return out
}
function class(a,   p) {
    if (a == "0.0.0.0" || a == "::") return "any"
    if (a ~ /^127\./ || a == "::1" || a == "localhost") return "loopback"
    if (is_v4(a)) {
        split(a, p, ".")
        if (p[1] == 10 || p[1] == 192 && p[2] == 168 || p[1] == 172 && p[2] >= 16 && p[2] <= 31) return "private"
        if (p[1] == 169 && p[2] == 254 || p[1] == 100 && p[2] >= 64 && p[2] <= 127) return "private"
        return "public"
    }
    if (a ~ /^f[cd][0-9a-f][0-9a-f]:/ || a ~ /^fe[89ab][0-9a-f]:/) return "private"
    return a ~ /:/ ? "public" : "name"
}
'

# Options --------------------------------------------------------------------------------------

# The words of a text with quotes: as written, without quotes, and what stands between them.
awk_words='
function words(s,   i, c, quote, started) {
    count = 0; GAP[0] = ""; quote = ""; started = 0
    for (i = 1; i <= length(s); i++) {
        c = substr(s, i, 1)
        if (quote == "" && (c == " " || c == "\t" || c == "\r")) { started = 0; GAP[count] = GAP[count] c; continue }
        if (!started) { started = 1; count++; RAW[count] = VAL[count] = GAP[count] = "" }
        RAW[count] = RAW[count] c
        if (quote != "") { if (c == quote) quote = ""; else VAL[count] = VAL[count] c }
        else if (c == "\"" || c == "\047") quote = c
        else VAL[count] = VAL[count] c
    }
    if (quote != "") bad = "a quote is not closed"
}
'

# Reads options as getopt_long does for memcached, and writes them anew. Three forms: `debian`, a file with an option or more
# a line; `env`, a file with the options as the value of one variable; `exec`, a command line. What is not -l or -U is
# written byte by byte as it was.
awk_options='
function full_name(name,   i, hits, hit) {
    for (i = 1; i <= longs; i++) {
        if (LONG[i] == name || LONG[i] == name "=") return LONG[i]
        if (index(LONG[i], name) == 1) { hits++; hit = LONG[i] }
    }
    return hits == 1 ? hit : ""
}
# `${NAME}` as systemd puts it in: VARIABLE has the values.
function filled(s,   out, name) {
    while (match(s, /\$\{[A-Za-z_0-9]+\}/)) {
        name = substr(s, RSTART + 2, RLENGTH - 3)
        out = out substr(s, 1, RSTART - 1) (name in VARIABLE ? VARIABLE[name] : substr(s, RSTART, RLENGTH))
        s = substr(s, RSTART + RLENGTH)
    }
    return out s
}
# `$NAME`, a word by itself, as systemd splits it into words.
function unfolded(s,   k, out, name) {
    words(s); out = GAP[0]
    for (k = 1; k <= count; k++) {
        name = substr(RAW[k], 2)
        out = out (RAW[k] ~ /^\$[A-Za-z_0-9]+$/ && name in VARIABLE ? VARIABLE[name] : RAW[k]) GAP[k]
    }
    return out
}
# One option with its value, begun in word k and ended in word j; `before` is what stands before it in its word.
function option(o, value, k, j, before,   i) {
    value = filled(value)
    # A later -l that is a part of what is there is dropped by memcached (strstr), all others add up.
    if (o == "l") { if (LISTEN == "") LISTEN = value; else if (!index(LISTEN, value)) LISTEN = LISTEN "," value }
    if (o == "U") { UDP = value; if (value !~ /^[0-9]+$/) bad = "a UDP port that is not a number" }
    if (o == "p") PORT = value
    if (o == "s") SOCKET = value
    if (o == "u") USER = value
    for (i = k; i <= j; i++) { OPT[i] = o; FIRST[i] = (i == k); BEFORE[i] = before }
}
function parse(   k, w, i, c, name, at, last, value) {
    for (k = 1; k <= count; k++) { OPT[k] = BEFORE[k] = ""; FIRST[k] = 0 }
    for (k = 1; k <= count; k++) {
        w = VAL[k]; last = k
        if (w == "--") { bad = "an option `--`"; return }
        if (w ~ /^--/) {
            at = index(w, "="); name = full_name(at ? substr(w, 3, at - 3) : substr(w, 3))
            if (name !~ /=$/) { OPT[k] = name in LETTER ? LETTER[name] : "-"; continue }
            if (at) value = substr(w, at + 1); else { last = k + 1; value = VAL[last] }
            if (last > count) { bad = "an option without its value"; return }
            option(name in LETTER ? LETTER[name] : "=", value, k, last, "")
        } else if (w ~ /^-./) {
            for (i = 2; i <= length(w); i++) {
                c = substr(w, i, 1)
                if (!index("apsUmcluPfntDRbBIYeoN", c)) { if (OPT[k] != "d") OPT[k] = c; continue }
                if (i < length(w)) value = substr(w, i + 1); else { last = k + 1; value = VAL[last] }
                if (last > count) { bad = "an option without its value"; return }
                option(c, value, k, last, i > 2 ? substr(w, 1, i - 1) : "")
                break
            }
        }
        k = last
    }
}
# The words again, with every -l and -U replaced: the first by what is new, all others by nothing.
function edited(   k, out, gap, some, w) {
    gap = GAP[0]
    for (k = 1; k <= count; k++) {
        w = RAW[k]
        if (OPT[k] == "l" || OPT[k] == "U") {
            w = FIRST[k] ? BEFORE[k] : ""
            if (FIRST[k] && OPT[k] == "l" && !done_l) { done_l = 1; w = w (w == "" ? "" : " ") new_l }
            if (FIRST[k] && OPT[k] == "U" && !done_u) { done_u = 1; w = w (w == "" ? "" : " ") new_u }
        }
        if (w != "") { out = out gap w; gap = GAP[k]; some = 1 }
        else if (k == count) gap = some ? GAP[k] : gap GAP[k]
    }
    return out gap
}
# The same with what was not there behind it.
function complete(text) {
    if (!done_l) text = text " " new_l
    if (!done_u) text = text " " new_u
    sub(/^ +/, "", text)
    return text
}
# Every listener keeps its port and its tag, only its address is another: `notls:0.0.0.0:11212` -> `notls:127.0.0.1:11212`.
function compose(   n, m, i, k, entry, tag, port, address, out, seen, entries, addresses) {
    n = split(LISTEN == "" ? "*" : LISTEN, entries, /[;,]/); m = split(choose, addresses, ",")
    for (i = 1; i <= n; i++) {
        entry = entries[i]; tag = port = ""
        if (entry == "") continue
        while (match(entry, /^(notls|mtls|tag\[[^]]*\]|proto\[[^]]*\]):/)) { tag = tag substr(entry, 1, RLENGTH); entry = substr(entry, RLENGTH + 1) }
        if (match(entry, /^\[[^]]*\]/)) { port = substr(entry, RLENGTH + 1); entry = substr(entry, 2, RLENGTH - 2) }
        else if (entry ~ /^[^:]*:[^:]*$/) { port = entry; sub(/^[^:]*/, "", port); sub(/:.*/, "", entry) }
        address = same_form(entry); k = class(address == "" ? entry : address)
        if (k == "any" || k == "public") wide = "it listens on " (k == "any" ? "all addresses" : "a public address")
        if (port != "") ported = 1
        # Two listeners that differed by their address alone are one now.
        k = port == "" ? ":" default_port : port
        if (k in seen) continue
        seen[k] = 1
        for (k = 1; k <= m; k++) out = out (out == "" ? "" : ",") tag (port != "" && addresses[k] ~ /:/ ? "[" addresses[k] "]" : addresses[k]) port
    }
    return out
}
function plan() {
    default_port = PORT != "" ? PORT : UDP + 0 > 0 ? UDP : 11211
    new_l = "-l " compose(); new_u = "-U 0"
    # Without -p, memcached listens for TCP on the port of -U.
    if (PORT == "" && UDP + 0 > 0 && UDP != 11211) new_u = new_u " -p " UDP
    if (UDP == "" && udp_by_default) UDP = PORT == "" ? 11211 : PORT
    if (UDP + 0 > 0) wide = wide (wide == "" ? "" : ", and ") "UDP is on"
    if (SOCKET != "") wide = ""
}
function trim(s) { gsub(/^[ \t\r]+|[ \t\r]+$/, "", s); return s }
# Debian: what its scripts hand on of a line. They skip what begins with -d or -h, and what is no option.
function code(line) { sub(/#.*/, "", line); return trim(line) ~ /^-[^dh]/ ? line : "" }
# A variable with its value: HEAD to its quote, BODY, and TAIL from the closing quote on.
function assignment(line,   q, at) {
    at = index(line, "="); HEAD = substr(line, 1, at); BODY = substr(line, at + 1); TAIL = ""
    q = substr(BODY, 1, 1)
    if (q == "\"" || q == "\047") {
        HEAD = HEAD q; BODY = substr(BODY, 2); at = index(BODY, q)
        if (!at || BODY ~ /\\/) { bad = "a value of more than one line, or with a backslash"; return }
        TAIL = substr(BODY, at); BODY = substr(BODY, 1, at - 1)
        if (substr(TAIL, 2) !~ /^[ \t\r]*(#.*)?$/) bad = "something behind the value of " variable
    } else if (match(BODY, /[ \t\r]+$/)) { TAIL = substr(BODY, RSTART); BODY = substr(BODY, 1, RSTART - 1) }
}
# Words for --options, and those for a try: without the ports, files and memory that the running server uses.
function collect(   k, o) {
    for (k = 1; k <= count; k++) {
        o = OPT[k]; ALL[++all] = filled(VAL[k])
        if (o != "" && index("lUpsaPedkLm", o) || VAL[k] !~ /^-/ && o == "") continue
        if (o == "o" && (VAL[k] (FIRST[k] ? VAL[k + 1] : "")) ~ /ext_path|memory_file/) continue
        TRY[++tries] = BEFORE[k] != "" && FIRST[k] ? "-" substr(VAL[k], length(BEFORE[k]) + 1) : filled(VAL[k])
    }
}
function read(   i, k) {
    if (form != "debian") { exec_line = unfolded(exec_line); words(exec_line); parse(); collect() }
    if (form == "env") {
        for (i = 1; i <= NR; i++) if (LINE[i] ~ "^[ \t]*(export[ \t]+)?" variable "=") set_at = i
        if (set_at) assignment(LINE[set_at]); else BODY = VARIABLE[variable]
        words(BODY); parse(); collect()
    }
    for (i = 1; i <= NR && form == "debian"; i++) {
        words(code(LINE[i])); parse(); collect()
        for (k = 1; k <= count; k++) if (OPT[k] ~ /^[lU]$/ && code(LINE[i]) ~ /[$`\\;&|<>()]/) bad = "a line that only a shell can read"
    }
}
# A line as it was, and as it is to be; either may be none.
function put(old, now, was, is) {
    if (mode == "diff" && (old != now || was != is)) { if (was) print "-" old; if (is) print "+" now }
    if (mode == "edit" && is) { OUT[++outs] = now; if (was) originals = outs }
    added = !was
}
function write(   i, text, cr) {
    cr = LINE[1] ~ /\r$/ ? "\r" : ""
    for (i = 1; i <= NR && form != "exec"; i++) {
        text = LINE[i]
        if (form == "env" && i == set_at) { words(BODY); parse(); text = HEAD complete(edited()) TAIL }
        if (form == "debian" && code(text) != "") { words(code(text)); parse(); text = edited() substr(text, length(code(text)) + 1) }
        put(LINE[i], text, 1, text == LINE[i] || trim(text) != "")
    }
    if (form == "exec") { words(exec_line); parse(); text = complete(edited()); put("ExecStart=" exec_line, "ExecStart=" text, 1, 1) }
    if (form == "env" && !set_at) { words(BODY); parse(); put("", variable "=\"" complete(edited()) "\"" cr, 0, 1) }
    # The scripts of Debian add `-u root` to a file without options.
    if (form == "debian" && !all) put("", "-u root" cr, 0, 1)
    if (form == "debian" && !done_l) put("", new_l cr, 0, 1)
    if (form == "debian" && !done_u) put("", new_u cr, 0, 1)
    # A last line that was not ended is, if something follows.
    if (!ended && added && originals && OUT[originals] !~ /\r$/) OUT[originals] = OUT[originals] cr
    for (i = 1; i < outs; i++) print OUT[i]
    if (outs) printf "%s%s", OUT[outs], (added || ended) ? "\n" : ""
}
BEGIN {
    longs = split("unix-mask= enable-shutdown enable-ssl port= unix-socket= udp-port= memory-limit= disable-evictions conn-limit= lock-memory help license version enable-coredumps verbose daemon listen= user= pidfile= slab-growth-factor= slab-min-size= threads= enable-largepages max-reqs-per-event= disable-cas listen-backlog= protocol= max-item-size= enable-sasl disable-flush-all disable-dumping disable-watch auth-file= memory-file= extended= napi-ids=", LONG, " ")
    n = split("listen= l udp-port= U port= p unix-socket= s user= u pidfile= P memory-file= e extended= o memory-limit= m unix-mask= a daemon d lock-memory k enable-largepages L", pairs, " ")
    for (i = 1; i < n; i += 2) LETTER[pairs[i]] = pairs[i + 1]
    exec_line = ENVIRON["EXEC_LINE"]
    n = split(ENVIRON["VARIABLES"], pairs, "\n")
    for (i = 1; i <= n; i++) { at = index(pairs[i], "="); if (at) VARIABLE[substr(pairs[i], 1, at - 1)] = substr(pairs[i], at + 1) }
}
{ LINE[NR] = $0 }
END {
    read(); plan()
    if (mode != "") { if (bad != "") exit 1; write(); exit }
    print "listen " LISTEN; print "wide " wide; print "bad " bad; print "new_l " substr(new_l, 4); print "udp " UDP; print "port " PORT; print "socket " SOCKET; if (ported) print "ported 1"; print "user " USER
    for (i = 1; i <= all; i++) print "option " ALL[i]
    for (i = 1; i <= tries; i++) print "try " TRY[i]
    if (form == "debian" && !all) print "try -u\ntry root"
}
'

# What is there --------------------------------------------------------------------------------

have() { command -v "$1" >/dev/null 2>&1; }
nap() { sleep 0.2 2>/dev/null || sleep 1; }
hash_of() { sha256sum <"$1" | cut -c 1-64; }
lines_of() { printf '%s\n' "$2" | sed -n "s/^$1[= ]//p"; }
systemd() { [ -d /run/systemd/system ] && have systemctl; }
addresses() { awk "$awk_addresses$1"; }

# PID: lines `listen|udp|client ADDRESS PORT PEER`, addresses in one form.
sockets() {
    if [ -n "$ss" ] && [ "$(readlink "/proc/$1/ns/net")" = "$own_net" ]; then
        { ss -Htlnp; echo; ss -Hulnp; echo; ss -Htnp state established; } 2>/dev/null | awk -v pid="pid=$1," "$awk_addresses"'
            function host(s) { sub(/:[^:]*$/, "", s); return same_form(s) }
            $0 == "" { part++; next }
            index($0, pid) { at = part < 2 ? 4 : 3; port = $at; sub(/.*:/, "", port)
                print (part == 0 ? "listen" : part == 1 ? "udp" : "client"), host($at), port, part == 2 ? host($(at + 1)) : "-" }'
        return
    fi
    # The inodes of its sockets, then the tables of the kernel, whose addresses are words of little-endian bytes.
    {
        # shellcheck disable=SC2012 # names in fd are numbers
        ls -l "/proc/$1/fd" 2>/dev/null | sed -n 's/.*socket:\[\([0-9]*\)\]$/\1/p'
        for table in tcp tcp6 udp udp6; do echo "table $table"; cat "/proc/$1/net/$table" 2>/dev/null; done
    } | addresses '
        function host(h,   i, w, out) {
            h = tolower(h); sub(/:.*/, "", h)
            if (length(h) == 8) return digits(substr(h, 7, 2)) "." digits(substr(h, 5, 2)) "." digits(substr(h, 3, 2)) "." digits(substr(h, 1, 2))
            for (i = 0; i < 4; i++) { w = substr(h, i * 8 + 1, 8); out = out (i ? ":" : "") substr(w, 7, 2) substr(w, 5, 2) ":" substr(w, 3, 2) substr(w, 1, 2) }
            return same_form(out)
        }
        $1 == "table" { udp = ($2 ~ /^udp/); next }
        NF == 1 { mine[$1] = 1; next }
        $10 in mine { port = $2; sub(/.*:/, "", port); port = digits(tolower(port))
            if (udp && $4 == "07") print "udp", host($2), port, "-"
            if (!udp && $4 == "0A") print "listen", host($2), port, "-"
            if (!udp && $4 == "01") print "client", host($2), port, host($3) }'
}

# What can send here, for tcp or udp: nothing, where nothing can.
sender() {
    if have bash && have timeout && have dd; then echo bash
    elif have python3; then echo python3
    elif have socat; then echo socat
    elif have nc && { [ "$1" = tcp ] || nc -h 2>&1 | grep -q -e ' -[a-zA-Z]*u'; }; then echo nc; fi
}
# Sends `version` and prints what can be printed of the answer.
ask() { # tcp|udp ADDRESS PORT
    case $2 in 0.0.0.0) set -- "$1" 127.0.0.1 "$3" ;; ::) set -- "$1" ::1 "$3" ;; esac
    # Over UDP each datagram begins with 8 bytes: request, number, count, nothing (memcached, doc/protocol.txt).
    greeting='version\r\nquit\r\n' udp_flag=''
    [ "$1" = tcp ] || greeting='\0\1\0\0\0\1\0\0version\r\n' udp_flag=-u
    # shellcheck disable=SC2059,SC2086 # the format is one of the two above; no flag is no word
    case $(sender "$1") in
    bash) timeout 2 bash -c 'exec 3<>"/dev/$1/$2/$3" && printf "$4" >&3 && timeout 1 dd bs=64 count=1 <&3' - "$1" "$2" "$3" "$greeting" ;;
    python3) python3 -c 'import socket, sys
kind, host, port, text = sys.argv[1:]
s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
s.settimeout(1); s.connect((host, int(port))); s.send(text.encode().decode("unicode_escape").encode("latin-1"))
sys.stdout.write(s.recv(64).decode("latin-1"))' "$1" "$2" "$3" "$greeting" ;;
    socat) case $2 in *:*) set -- "$1" "[$2]" "$3" ;; esac
        printf "$greeting" | socat -t 1 - "$1:$2:$3" ;;
    nc) printf "$greeting" | nc $udp_flag -w 1 "$2" "$3" ;;
    esac 2>/dev/null | tr -cd '\040-\176'
}
answers() { # true, false, or null where nothing here can ask
    [ -n "$(sender "$1")" ] || { echo null; return; }
    [ -n "$(ask "$@")" ] && echo true || echo false
}

own_addresses() {
    {
        awk '/32 host LOCAL/ { print address } { address = $2 }' /proc/net/fib_trie
        sed 's/ .*//; s/..../&:/g; s/:$//' /proc/net/if_inet6 2>/dev/null
    } | addresses '{ a = same_form($1); if (!seen[a]++) print a }'
}
loopbacks() { own_addresses | sed -n '/^127\.0\.0\.1$/p; /^::1$/p' | sort | paste -s -d , -; }

# Lines `pid N STARTER UNIT`, and `unit NAME` or `init NAME` for what is installed and does not run.
find_servers() {
    servers='' seen=' ' installed=$(if systemd; then units; else init_names; fi)
    for comm in /proc/[0-9]*/comm; do
        pid=${comm#/proc/} pid=${pid%/comm}
        if [ "$(cat "$comm" 2>/dev/null)" = memcached ] && [ -d "/proc/$pid/fd" ] && ! grep -q '^State:.Z' "/proc/$pid/status"; then
            find_starter
            servers="$servers$newline""pid $pid $kind $unit" seen="$seen$unit "
        fi
    done
    for name in $installed; do
        case $seen in *" $name "*) ;; *) if systemd; then servers="$servers$newline""unit $name"; else servers="$servers$newline""init $name"; fi ;; esac
    done
}
units() {
    { systemctl list-unit-files --no-legend 'memcached*.service'; systemctl list-units --all --plain --no-legend 'memcached*.service'; } 2>/dev/null |
        awk '$1 !~ /@\.service$/ && !seen[$1]++ { print $1 }'
}
# What the init script starts: on Debian a server for each file memcached_NAME.conf, or one.
init_names() {
    [ -x /etc/init.d/memcached ] || return 0
    set -- /etc/memcached_*.conf
    [ -r "$1" ] || set -- /etc/memcached.conf
    for name; do name=${name#/etc/} && echo "${name%.conf}"; done
}
# The process of a server of the init script, from the file that its starter writes.
init_process() {
    for written in "/var/run/$1.pid" "/var/run/$1/$1.pid"; do
        [ ! -s "$written" ] || { tr -cd '0-9\n' <"$written" | head -n 1; return; }
    done
}
parent() { sed -n 's/^PPid:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null; }

trusted() { [ -n "$(find -H "$1" -prune -user 0 ! -perm -020 ! -perm -002 2>/dev/null)" ]; }
find_starter() {
    kind=hand unit=''
    groups=$(cat "/proc/$pid/cgroup" 2>/dev/null)
    case $groups in
    *docker* | *libpod* | *containerd* | *kubepods* | *crio-* | *lxc* | *nspawn* | *machine.slice*) kind=container ;;
    # A unit of a user is not one of the system, whatever its name.
    *user@* | */user.slice/*) ;;
    *.service*) unit=$(printf '%s\n' "$groups" | sed -n 's|.*/\([^/]*\.service\)$|\1|p' | head -n 1) ;;
    esac
    [ "$(readlink "/proc/$pid/ns/pid")" = "$(readlink /proc/self/ns/pid)" ] || kind=container
    [ "$kind" = hand ] || { unit=''; return; }
    # Root is to run this program: one that others may write is theirs, whatever a file says of who started it.
    trusted "$(readlink "/proc/$pid/exe" | sed 's/ (deleted)$//')" || { unit=''; return; }
    if systemd; then
        [ -n "$unit" ] || for name in $installed; do
            now=$(lines_of MainPID "$(systemctl show -p MainPID "$name")")
            if [ "$now" = "$pid" ] || [ "$now" = "$(parent "$pid")" ]; then unit=$name; fi
        done
        [ -z "$unit" ] || kind=unit
    else
        unit=''
        for name in $installed; do
            now=$(init_process "$name")
            if [ -n "$now" ] && { [ "$now" = "$pid" ] || [ "$now" = "$(parent "$pid")" ]; }; then kind=init unit=$name; fi
        done
    fi
}
# The process of this server now; nothing if it does not run.
process_now() {
    if [ "$kind" = unit ]; then now=$(lines_of MainPID "$(systemctl show -p MainPID "$unit")"); else now=$(init_process "$unit"); fi
    # A unit whose wrapper needed a shell has memcached below it.
    for now in ${now:-0} $(cat "/proc/${now:-0}/task/${now:-0}/children" 2>/dev/null); do
        read -r comm 2>/dev/null <"/proc/$now/comm" || comm=''
        [ "$comm" != memcached ] || { echo "$now"; return; }
    done
}

# All that is known of one server, in variables.
look() { # pid N STARTER UNIT | unit NAME | init NAME
    pid='' unit=$2 kind=$1 file='' form=exec variable='' exec_line='' variables='' user='' masked='' refuse='' by_hand='' udp_by_default='' bin=/usr/bin/memcached
    if [ "$1" = pid ]; then
        pid=$2 kind=$3 unit=${4:-}
        exec_line=$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline")
        [ "$kind" = container ] || bin=$(readlink "/proc/$pid/exe" | sed 's/ (deleted)$//')
    fi
    case $kind in unit) look_at_unit ;; init) look_at_init ;; esac
    [ ! -L "$file" ] || file=$(readlink -f "$file")
    look_at_sockets
    judge
}
# Lines NAME=VALUE of a file of settings, without quotes.
settings() { sed -n "s/^[[:space:]]*\(export[[:space:]][[:space:]]*\)\{0,1\}\([A-Za-z_][A-Za-z_0-9]*=\)\(.*\)/\2\3/p" "$1" | sed "s/=\"\([^\"]*\)\".*/=\1/; s/='\([^']*\)'.*/=\1/; s/[[:space:]]*$//"; }

look_at_unit() {
    shown=$(systemctl show -p LoadState -p UnitFileState -p EnvironmentFiles -p Environment -p User "$unit")
    case "$(lines_of LoadState "$shown") $(lines_of UnitFileState "$shown")" in *masked*) masked=1 ;; esac
    # The last ExecStart of the unit and its drop-ins; an empty one takes back those before it.
    exec_line=$(systemctl cat "$unit" 2>/dev/null | awk '
        /\\$/ { sub(/\\$/, ""); held = held $0; next }
        { line = held $0; held = "" }
        line ~ /^ExecStart[ \t]*=/ { sub(/^ExecStart[ \t]*=[ \t]*/, "", line); if (line == "") n = 0; else { n++; last = line } }
        END { if (n == 1) print last }')
    env_files=$(lines_of EnvironmentFiles "$shown" | sed 's/ (ignore_errors=.*//')
    variables=$(lines_of Environment "$shown" | awk "$awk_words"'{ words($0); for (k = 1; k <= count; k++) print VAL[k] }')
    for name in $env_files; do [ ! -r "$name" ] || variables="$variables$newline$(settings "$name")"; done
    user=$(lines_of User "$shown")
    case $exec_line in
    *systemd-memcached-wrapper* | *start-memcached*)
        form=debian file=$(printf '%s\n' "$exec_line" | awk '{ print $2 == "" ? "/etc/memcached.conf" : $2 }') ;;
    /*/memcached | /*/memcached\ *)
        bin=${exec_line%% *} file=/etc/systemd/system/$unit.d/portcullis.conf
        look_at_last_variable ;;
    *) kind=other ;;
    esac
}
# If a file sets the variable that ends the command line, and the line itself says nothing of addresses, the file is the place.
look_at_last_variable() {
    last=${exec_line##* }
    case $last in \$[A-Z_]*) ;; *) return ;; esac
    [ -n "$env_files" ] || return 0
    whole=$exec_line && exec_line=${exec_line% *}
    found=$(options '') && exec_line=$whole
    [ -z "$(lines_of listen "$found")$(lines_of udp "$found")" ] || return 0
    form=env variable=${last#\$} exec_line=${exec_line% *} file=$(printf '%s\n' "$env_files" | tail -n 1)
    for name in $env_files; do ! grep -q "^[[:space:]]*$variable=" "$name" 2>/dev/null || file=$name; done
}
look_at_init() {
    if [ -x /usr/share/memcached/scripts/start-memcached ]; then form=debian file=/etc/$unit.conf; return; fi
    form=env file=/etc/sysconfig/memcached exec_line=''
    grep -q MEMCACHED_PARAMS /etc/init.d/memcached && variable=MEMCACHED_PARAMS || variable=OPTIONS
    [ ! -r "$file" ] || variables=$(settings "$file")
    for name in USER MEMCACHED_USER; do [ -z "$(lines_of "$name" "$variables")" ] || exec_line="-u \${$name}"; done
    [ -z "$(lines_of PORT "$variables")" ] || exec_line="$exec_line -p \${PORT}"
}

# What the awk of the options says, or the file anew, or the difference.
options() { # '' | edit | diff
    from=$file && [ "$form" != exec ] && [ -e "$file" ] || from=/dev/null
    ended=1 && [ -z "$(tail -c 1 "$from")" ] || ended=''
    EXEC_LINE=$exec_line VARIABLES=$variables awk -v form="$form" -v mode="$1" -v variable="$variable" -v choose="${chosen:-127.0.0.1}" -v ended="$ended" \
        -v udp_by_default="${udp_by_default:-}" "$awk_words$awk_addresses$awk_options" <"$from"
}

look_at_sockets() {
    all='' udp_answered=false version='' udp_by_default=''
    [ -z "$pid" ] || all=$(sockets "$pid")
    tcp=$(printf '%s\n' "$all" | awk '$1 == "listen" { print $2, $3 }' | sort -u)
    udp=$(printf '%s\n' "$all" | awk '$1 == "udp" { print $2, $3 }' | sort -u)
    verdict=$(printf '%s\n' "$all" | addresses '
        $1 == "listen" || $1 == "udp" { c = class($2); n++; if (c == "private") private = 1; if (c == "any" || c == "public" || c == "private" && $1 == "udp") exposed = 1 }
        END { print exposed ? "exposed" : private ? "private" : n ? "closed" : "unknown" }')
    [ -z "$udp" ] || udp_by_default=1
    if [ "$kind" = container ]; then verdict=unknown udp_answered=null; return; fi
    # shellcheck disable=SC2046 # an address and a port are two words
    [ -z "$tcp" ] || version=$(ask tcp $(printf '%s\n' "$tcp" | head -n 1) | sed -n 's/^VERSION \([0-9A-Za-z.-]*\).*/\1/p')
    tcp_answered=$version
    # Of a server that answers nothing the program is asked, if root has made it a service.
    case "$version $kind" in " unit" | " init") version=$([ ! -x "$bin" ] || "$bin" -h 2>/dev/null | sed -n '1s/^memcached //p') ;; esac
    # Off by default since 1.5.6; what runs shows it by its sockets, whatever its version.
    [ -n "$pid" ] || case $version in 1.[0-4].* | 1.5.[0-5]) udp_by_default=1 ;; esac
    # shellcheck disable=SC2046
    [ -z "$udp" ] || udp_answered=$(answers udp $(printf '%s\n' "$udp" | head -n 1))
}

# Where it is to listen, in `chosen`; a reason in `refuse` if nowhere.
choose_listen() {
    case $listen in
    loopback) chosen=$(loopbacks); return ;;
    auto) ;;
    *) chosen=$listen; return ;;
    esac
    # A private address that somebody chose stays, if UDP alone is at fault.
    chosen=$(printf '%s\n' "$tcp" | addresses '{ c = class($1); if (c == "any" || c == "public") wide = 1; if (!seen[$1]++) out = out (out == "" ? "" : ",") $1 } END { if (!wide) print out }')
    [ -z "$chosen" ] || return 0
    used=$(printf '%s\n' "$all" | awk '$1 == "client" { print $2 }' | addresses '{ c = class($1); if (c != "loopback" && !seen[$1]++) print c, $1 }')
    if [ -z "$used" ]; then chosen=$(loopbacks); return; fi
    chosen=$(printf '%s\n' "$used" | sed -n 's/^private //p' | paste -s -d , -)
    if [ -z "$chosen" ]; then refuse='its clients come over a public address only: give them a private one, or say --listen'; return; fi
    # Programs of this host lose nothing: loopback stays where it was.
    kept=$(printf '%s\n' "$tcp" | awk -v mine=",$(loopbacks)," '
        $1 == "0.0.0.0" || $1 == "127.0.0.1" { v4 = 1 } $1 == "::" || $1 == "::1" { v6 = 1 }
        END { if (v4 && index(mine, ",127.0.0.1,")) print "127.0.0.1"; if (v6 && index(mine, ",::1,")) print "::1" }' | paste -s -d , -)
    chosen=$chosen${kept:+,$kept}
}

# Whether there is anything to do, in `todo`, and why it cannot be done here, in `refuse` and `by_hand`.
judge() {
    chosen=127.0.0.1 todo='' sha=''
    [ ! -f "$file" ] || [ ! -r "$file" ] || sha=$(hash_of "$file")
    read_out=$(options '')
    todo=$(lines_of wide "$read_out") bad=$(lines_of bad "$read_out")
    [ -n "$pid" ] || { [ -n "$todo" ] && verdict=exposed || verdict=closed; }
    [ "$verdict" != exposed ] && [ -z "$udp" ] || [ -n "$todo" ] || todo='it listens wider than its file says'
    [ -z "$pid" ] || [ -n "$tcp$udp" ] || [ -z "$(lines_of socket "$read_out")" ] || verdict=closed
    choose_listen
    # With brackets in the file Debian's wrapper goes by a shell, which the init script then stops in place of memcached.
    if [ "$form" = debian ] && [ -n "$(lines_of ported "$read_out")" ]; then
        case $chosen in *.*) chosen=$(printf '%s' "$chosen" | tr , '\n' | sed '/:/d' | paste -s -d , -) ;; esac
    fi
    wanted=$(want)
    [ "$listen" = auto ] || [ "$verdict" = unknown ] || [ -z "$pid" ] || [ "$wanted" = "$(got "$all")" ] || todo=${todo:-'it listens elsewhere than it is to'}
    read_out=$(options '')
    new_listen=$(lines_of new_l "$read_out")
    [ -n "$todo" ] || { refuse=''; return; }
    [ -n "$refuse" ] || find_obstacle
}
want() { printf '%s\n' "$chosen" | tr , '\n' | addresses '{ print same_form($1) }' | sort -u; }
got() { printf '%s\n' "$1" | awk '$1 == "listen" { print $2 }' | sort -u; }
ports() { printf '%s\n' "$1" | awk '$1 == "listen" { print $3 }' | sort -u; }

find_obstacle() {
    port=$(printf '%s\n' "$tcp" | awk '{ print $2; exit }')
    words="-l $new_listen -U 0"
    case $kind in
    container) refuse='it runs in a container, whose file is not of this host'
        by_hand="Publish its port on loopback or a private address, without UDP: docker run -p 127.0.0.1:${port:-11211}:${port:-11211} IMAGE memcached -U 0" ;;
    hand) refuse='somebody started it by hand, and nothing here starts it again'
        by_hand="kill $pid, then start it with: $(options edit | sed -n '$s/^ExecStart=//p')" ;;
    other) refuse="$unit starts it in a way that is not known here"
        by_hand="Where $unit has its options, write $words in place of every -l and -U, then: systemctl restart $unit" ;;
    esac
    [ -z "$masked" ] || { refuse="$unit is masked, and would not come back"
        by_hand="systemctl unmask $unit, then run this again; or stop it for good: systemctl stop $unit"; }
    [ -z "$refuse" ] || return 0
    by_hand="In $file, write $words in place of every -l and -U, then restart ${unit%.service}"
    if [ -n "$bad" ]; then refuse="$file has $bad"
    elif [ "$kind" = init ] && [ -n "$pid" ] && [ "$(init_process "$unit")" != "$pid" ]; then
        refuse="$file has characters for a shell: the init script would stop that shell, and not memcached" by_hand="$by_hand; kill $pid first"
    elif [ -n "$pid" ] && [ -z "$tcp" ] && [ "$verdict" != unknown ] || [ "$(lines_of port "$read_out")" = 0 ]; then
        refuse='it serves UDP only: without it nothing could reach it' by_hand="Decide how clients are to reach it: -p 11211 $words"
    elif [ "$(id -u)" != 0 ]; then refuse='only root can change it' by_hand="sudo sh harden-memcached.sh apply"
    elif grep -q "^[^ ]* [^ ]* [^ ]* [^ ]* $file " /proc/self/mountinfo; then refuse="$file is mounted from elsewhere" by_hand="Change the file that is mounted there: $words"
    fi
}

# Changing it -----------------------------------------------------------------------------------

like() { # NEW OLD: the SELinux context; `cp -p` has copied mode and owner
    { selinuxenabled && chcon --reference="$2" "$1"; } 2>/dev/null || true
}
new=.portcullis-new
# Writes the new file beside the old one, and tries the options. Everything up to here can be refused.
prepare() {
    new_file=$file$new
    [ "$form" != exec ] || [ -d "${file%/*}" ] || (umask 022 && mkdir -p "${file%/*}") 2>/dev/null
    if [ -e "$file" ]; then cp -p "$file" "$new_file" 2>/dev/null && like "$new_file" "$file"; else (umask 022 && : >"$new_file") 2>/dev/null; fi &&
        render >"$new_file" && [ -s "$new_file" ] || { refuse="$file cannot be written"; rm -f "$new_file" 2>/dev/null; return 1; }
    try_options || { rm -f "$new_file"; return 1; }
}
render() {
    [ "$form" = exec ] || { options edit; return; }
    printf '# Written by harden-memcached.sh: the command line of the unit with private addresses only and without UDP.\n[Service]\nExecStart=\n'
    options edit
} 2>/dev/null

# Starts memcached with the new options on ports that the system gives it (-p -1), as the user of the service, for a moment.
try_options() {
    tried=$(lines_of try "$read_out")
    old_ifs=$IFS && IFS=$newline && set -f
    # shellcheck disable=SC2086 # one word a line
    set -- $tried
    set +f && IFS=$old_ifs
    "$bin" ${user:+-u "$user"} "$@" -l "$chosen" -p -1 -U 0 >/dev/null 2>"$work/said" &
    tries=0 try_pid=$!
    while [ "$tries" -lt 15 ]; do
        nap && tries=$((tries + 1))
        [ "$wanted" != "$(got "$(sockets "$try_pid")")" ] || break
        kill -0 "$try_pid" 2>/dev/null || tries=15
    done
    kill "$try_pid" 2>/dev/null
    wait "$try_pid" 2>/dev/null
    [ "$tries" -lt 15 ] || { refuse="memcached does not start with the new options: $(head -n 1 "$work/said")"; return 1; }
}

restart() {
    case $kind in
    unit) systemctl daemon-reload; systemctl reset-failed "$unit"; systemctl restart "$unit" ;;
    *) set -- restart && [ "$unit" = memcached ] || set -- restart "${unit#memcached_}"
        /etc/init.d/memcached "$@" ;;
    esac >/dev/null 2>&1 </dev/null
}
restart_command() {
    case $kind in unit) echo "systemctl daemon-reload; systemctl restart $unit" ;; *) echo "/etc/init.d/memcached restart" ;; esac
}
# Waits until the server runs and listens: where it is to, with `wanted`, else anywhere. It has to be the same process for a second.
comes_back() { # wanted | anyhow
    calm=0 gone=0 turn=0 before='' process='' had_ports=$(ports "$all")
    while [ "$turn" -lt 50 ] && [ "$gone" -lt 10 ] && [ "$calm" -lt 4 ]; do
        nap && turn=$((turn + 1))
        [ -n "$process" ] && kill -0 "$process" 2>/dev/null || process=$(process_now)
        [ -n "$process" ] && gone=0 || gone=$((gone + 1))
        is=$([ -z "$process" ] || sockets "$process")
        if [ -z "$process" ] || [ "$process" != "$before" ]; then calm=0
        elif [ "$1" = anyhow ]; then [ -z "$is$(lines_of socket "$read_out")" ] || calm=$((calm + 1))
        elif [ "$(got "$is")" = "$wanted" ] && [ "$(ports "$is")" = "$had_ports" ] && ! printf '%s\n' "$is" | grep -q ^udp; then calm=$((calm + 1)); fi
        before=$process
    done
    [ "$calm" -ge 4 ]
}
# The new server is what it should be: by its sockets, and asked over TCP and UDP.
verify() {
    comes_back wanted || return 1
    for address in $(printf '%s' "$chosen" | tr , ' '); do
        for port in $(ports "$all"); do [ -z "$tcp_answered" ] || [ "$(answers tcp "$address" "$port")" != false ] || return 1; done
        for port in $(printf '%s\n' "$udp" "$tcp" | awk 'NF { print $2 }' | sort -u); do [ "$(answers udp "$address" "$port")" != true ] || return 1; done
    done
}

# Puts the new file in place and restarts; what does not come back as it should is put back.
change() {
    if [ -e "$file" ] && cmp -s "$new_file" "$file"; then
        # Only the restart is missing: an earlier run was stopped here, or somebody edited the file and did not restart.
        backup=$(find_backup '*')
        rm -f "$new_file"
    else
        backup=$file.portcullis-$id-$(hash_of "$new_file" | cut -c 1-16)
        [ -e "$file" ] || backup=$backup.none
        if [ -e "$backup" ]; then refuse="id $id was used before: choose another" && rm -f "$new_file" && return; fi
        if [ -e "$file" ]; then cp -p "$file" "$backup" && like "$backup" "$file"; else : >"$backup"; fi 2>/dev/null &&
            mv -f "$new_file" "$file" 2>/dev/null || { refuse="$file cannot be replaced"; rm -f "$new_file" "$backup"; return; }
    fi
    [ -n "$pid" ] || { done='hardened; it was not running, and was not started'; return; }
    under_way=1
    restart
    if verify; then done=hardened; else put_back 'it did not come back as it should'; fi
    under_way=''
}
put_back() { # WHY
    case $backup in
    '') ;;
    *.none) rm -f "$file" "$backup"; [ "$form" != exec ] || rmdir "${file%/*}" 2>/dev/null ;;
    *) mv -f "$backup" "$file" ;;
    esac
    restart
    if comes_back anyhow; then done='' failed="$1: the old file is back, and the server runs with it"
    else done='' failed="$1, and does not run with the old file either" down=1 by_hand="$(restart_command); then look at: journalctl -u ${unit%.service}, or its log"; fi
}
# The newest backup of an id whose new content is what the file has.
find_backup() { # ID
    is_now=$([ ! -f "$file" ] || hash_of "$file" | cut -c 1-16)
    # shellcheck disable=SC2086,SC2012 # * is meant; an id and a hash have no other characters
    ls -t "$file".portcullis-$1-"$is_now" "$file".portcullis-$1-"$is_now".none 2>/dev/null | head -n 1
}

# Puts back what `apply` with this id replaced, if the file is still as it left it.
prepare_undo() {
    backup='' todo=''
    for candidate in "$file.portcullis-$id-"*; do
        case ${candidate#"$file.portcullis-$id-"} in *[!0-9a-f.n-o]*) ;; *) [ ! -e "$candidate" ] || backup=$candidate ;; esac
    done
    [ -n "$backup" ] || return 1
    case $backup in *.none) [ -e "$file" ] || return 0 ;; *) ! cmp -s "$backup" "$file" || return 0 ;; esac
    todo='undo'
    if [ "$(id -u)" != 0 ]; then refuse='only root can change it' by_hand="sudo sh harden-memcached.sh undo $id"
    elif [ "$(find_backup "$id")" != "$backup" ]; then refuse="$file was changed since" by_hand="Compare it with $backup"
    elif [ -n "$masked" ]; then refuse="$unit is masked, and would not come back" by_hand="systemctl unmask $unit"
    else refuse=''; fi
}
undo() {
    new_file=$file$new
    cp -p "$file" "$new_file" && like "$new_file" "$file" || { refuse="$file cannot be written"; return; }
    case $backup in
    *.none) rm -f "$file" ;;
    *) cp -p "$backup" "$file$new.old" && like "$file$new.old" "$backup" && mv -f "$file$new.old" "$file" || { refuse="$file cannot be replaced"; rm -f "$new_file"; return; } ;;
    esac
    done='put back' under_way=1 backup=$new_file
    if [ -n "$pid" ]; then
        restart
        if comes_back anyhow; then rm -f "$new_file"; else put_back 'it did not come back with the old file'; fi
    else rm -f "$new_file"; fi
    under_way=''
}

# What is said ----------------------------------------------------------------------------------

# A JSON string of at most MAX characters, printable ASCII only: what others wrote stays text. Empty is null.
text() { # TEXT [MAX]
    [ -n "$1" ] || { printf null; return; }
    printf '%s\n' "$1" | tr '\t' ' ' | tr -cd '\012\040-\176' | awk -v max="${2:-200}" '
        { all = all (NR > 1 ? "\n" : "") $0 }
        END { if (length(all) > max) all = substr(all, 1, max - 6) " [cut]"
            for (i = 1; i <= length(all); i++) { c = substr(all, i, 1); out = out (c == "\n" ? "\\n" : c == "\\" || c == "\"" ? "\\" c : c) }
            printf "\"%s\"", out }'
}
list() { # LINES MAX [LENGTH]
    length=${3:-80}
    printf '%s\n' "$1" | sed '/^$/d' | head -n "$2" | { printf '['; comma=''; while IFS= read -r item; do printf '%s' "$comma"; text "$item" "$length"; comma=,; done; printf ']'; }
}
port_form() { printf '%s\n' "$1" | awk 'NF { print ($1 ~ /:/ ? "[" $1 "]" : $1) ":" $2 }'; }
server() {
    remote=$(printf '%s\n' "$all" | awk '$1 == "client"' | addresses '{ if (class($2) != "loopback" && $4 != $2 && !seen[$4]++) print $4 }')
    here=$(printf '%s\n' "$all" | addresses '$1 == "client" && (class($2) == "loopback" || $4 == $2) { n++ } END { print n + 0 }')
    count=$(printf '%s\n' "$remote" | grep -c .)
    if [ -n "$pid" ]; then found=$(tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | sed 1d); else found=$(lines_of option "$read_out"); fi
    printf '{"pid":%s,"version":%s,"started_by":"%s","unit":%s,"file":%s,"sha256":%s,' "${pid:-null}" "$(text "$version" 20)" "$kind" "$(text "$unit" 80)" "$(text "$file")" "$(text "$sha")"
    printf '"options":%s,"listen":%s,"udp":%s,' "$(list "$found" 24)" "$(list "$(port_form "$tcp")" 8)" "$(list "$(port_form "$udp")" 4)"
    printf '"clients":{"local":%s,"remote":%s,"more":%s},"udp_answered":%s,"verdict":"%s",' "$here" "$(list "$remote" 10)" "$((count > 10 ? count - 10 : 0))" "$udp_answered" "$verdict"
    if [ -n "$todo" ] && [ "$mode" != undo ] && [ -z "$done" ] && [ -n "$chosen" ]; then printf '"would":{"listen":%s,"diff":%s},' "$(text "$new_listen")" "$(text "$(options diff 2>/dev/null)" 700)"; else printf '"would":null,'; fi
    because=${failed:-${refuse:-${done:-${todo:-nothing to do}}}}
    printf '"because":%s}' "$(text "$because")"
}
# The line of JSON, and the end.
answer() { # RESULT BECAUSE STATUS
    os=$(sed -n 's/^PRETTY_NAME="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' /etc/os-release 2>/dev/null)
    printf '{"schema":"portcullis.memcached.v1","id":%s,"mode":"%s","result":"%s","because":%s,"host":{"os":%s,"kernel":%s},"servers":[%s],"manual":%s}\n' \
        "$(text "$id" 40)" "$mode" "$1" "$(text "$2")" "$(text "$os" 80)" "$(text "$(uname -r)" 80)" "$told" "$(list "$manual" 8 300)"
    exit "$3"
}
# Adds the server just looked at; six are told, the others counted.
tell() {
    number=$((number + 1))
    [ "$number" -gt 6 ] || told="$told${told:+,}$(server)"
    [ -z "$refuse$failed" ] || { manual="$manual$newline$by_hand"; reasons="$reasons${reasons:+; }${file:-pid $pid}: ${failed:-$refuse}"; }
}

# Running it ------------------------------------------------------------------------------------

usage() { printf '%s\n' "$1" 'harden-memcached.sh report | apply [--listen auto|loopback|ADDRESS,...] [--expected SHA256] [--id ID] | undo ID' >&2; exit 64; }
check_arguments() {
    mode=${1:-} listen=auto expected='' id=''
    [ $# = 0 ] || shift
    case $mode in
    report | apply) ;;
    undo) [ $# = 1 ] || usage 'undo: which id?'; id=$1 && shift ;;
    *) usage 'what is to be done?' ;;
    esac
    while [ $# -gt 0 ]; do
        [ $# -gt 1 ] || usage "$1: its value is missing"
        case $1 in --listen) listen=$2 ;; --expected) expected=$2 ;; --id) id=$2 ;; *) usage "$1: there is no such option" ;; esac
        shift 2
    done
    [ -n "$id" ] || [ "$mode" = undo ] || id=$(date -u +%Y%m%d%H%M%S)
    case $id in '' | *[!0-9a-z-]*) usage 'an id is digits, small letters and hyphens' ;; esac
    [ "${#id}" -le 40 ] || usage 'an id has at most 40 characters'
    case $expected in *[!0-9a-f]*) usage '--expected takes 64 hexadecimal digits' ;; esac
    case ${#expected} in 0 | 64) ;; *) usage '--expected takes 64 hexadecimal digits' ;; esac
    case $listen in auto | loopback) ;; *) check_listen ;; esac
}
check_listen() {
    case $listen in *[!0-9A-Fa-f.:,]* | *,*,*,*,* | ,* | *, | *,,*) usage '--listen takes auto, loopback, or up to four addresses' ;; esac
    why='' here=" $(own_addresses | paste -s -d ' ' -) "
    for address in $(printf '%s' "$listen" | tr , ' '); do
        kind_and_form=$(printf '%s\n' "$address" | addresses '{ a = same_form($1); print (a == "" ? "none" : class(a)), a }')
        case $kind_and_form in
        none*) usage "$address is not an address" ;;
        any* | public*) why="$address is not a private address" ;;
        *) case $here in *" ${kind_and_form#* } "*) ;; *) why="$address is not an address of this host" ;; esac ;;
        esac
        case $kind_and_form in "loopback 127."*) why='' ;; esac
    done
}

stop() { # a signal, in the middle
    trap '' TERM INT HUP
    if [ -n "$under_way" ]; then
        put_back 'it was told to stop'
        tell
        [ -z "${down:-}" ] || answer down "$reasons" 4
        answer restored "$reasons" 3
    fi
    rm -f "${new_file:-$work/said}"
    answer refused 'it was told to stop' 2
}
lock() {
    work=/run/portcullis-memcached
    if ! mkdir "$work" 2>/dev/null; then
        # Whoever has it may have died.
        owner=$(cat "$work/pid" 2>/dev/null)
        if [ -z "$owner" ] || kill -0 "$owner" 2>/dev/null; then answer refused 'another run is under way' 2; fi
    fi
    echo "$$" >"$work/pid"
    trap 'rm -rf "$work"' EXIT
    trap stop TERM INT HUP
}

# For each server: FUNCTION with what is known of it.
each() {
    while IFS=' ' read -r what name starter of <&4; do
        [ -n "$what" ] || continue
        done='' failed=''
        look "$what" "$name" "$starter" "$of"
        "$1"
    done 4<<END
$servers
END
}
report_one() { tell; }
plan_apply() {
    [ -z "$expected" ] || [ "$expected" = "$sha" ] || return 0
    matched=1
    [ -n "$todo" ] || { tell; return; }
    [ -n "$refuse" ] || prepare || :
    if [ -n "$refuse" ]; then refused=1; else ready=1; fi
    tell
}
plan_undo() {
    prepare_undo || return 0
    matched=1
    [ -z "$refuse" ] || [ -z "$todo" ] || refused=1
    [ -z "$todo" ] || ready=1
    tell
}
do_apply() { [ -z "$expected" ] || [ "$expected" = "$sha" ] || return 0; [ -z "$todo" ] || { new_file=$file$new && change && see_again; }; tell; }
do_undo() { prepare_undo || return 0; [ -z "$todo" ] || { undo && see_again; }; tell; }
see_again() {
    [ -z "$refuse" ] || refused=1
    [ -z "$failed" ] || restored=1
    [ -z "${down:-}" ] || any_down=1
    kept="$done$tab$failed$tab$refuse$tab$by_hand"
    now=$([ -z "$pid" ] || process_now)
    if [ -n "$now" ]; then look pid "$now" "$kind" "$unit"; else look "$kind" "$unit"; fi
    done=${kept%%"$tab"*} && kept=${kept#*"$tab"} && failed=${kept%%"$tab"*} && kept=${kept#*"$tab"} && refuse=${kept%%"$tab"*} by_hand=${kept#*"$tab"}
}
drop_prepared() { rm -f "$file$new"; [ "$form" != exec ] || rmdir "${file%/*}" 2>/dev/null || :; }
start_over() { told='' manual='' reasons='' number=0; }

main() {
    start_over
    own_net=$(readlink /proc/self/ns/net) ss=$(ss -Htln >/dev/null 2>&1 && echo yes)
    under_way='' matched='' refused='' ready='' restored='' any_down='' why=''
    check_arguments "$@"
    [ -z "$why" ] || answer refused "$why" 2
    case $mode in
    report) find_servers && each report_one && answer ok "$( [ "$number" != 0 ] || echo 'no Memcached server was found')" 0 ;;
    esac
    [ "$(id -u)" = 0 ] || { manual="sudo sh harden-memcached.sh $*" && answer refused 'only root can change it' 2; }
    lock
    find_servers
    each "plan_$mode"
    [ -n "$matched" ] || [ -z "$servers" ] && [ "$mode$expected" = apply ] || [ -n "$matched" ] ||
        answer refused "$([ "$mode" = undo ] && echo "no backup has the id $id" || echo 'no file has the expected hash')" 2
    if [ -n "$refused" ]; then
        # All or nothing: who wants one of several says which, by --expected.
        reasons_then=$reasons && told_then=$told manual_then=$manual
        [ "$mode" != apply ] || each drop_prepared
        reasons=$reasons_then told=$told_then manual=$manual_then
        answer refused "$reasons" 2
    fi
    [ -n "$ready" ] || answer ok 'nothing to do' 0
    start_over
    each "do_$mode"
    [ -z "$any_down" ] || answer down "$reasons" 4
    [ -z "$restored" ] || answer restored "$reasons" 3
    [ -z "$refused" ] || answer refused "$reasons" 2
    answer ok 'done' 0
}
main "$@"

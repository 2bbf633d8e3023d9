# SPDX-License-Identifier: Apache-2.0
"""What is run under both tracers. Each program begins in an empty directory, with a fixed environment."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Program:
    """`script`: for sh, with `exec` before what is to be the process itself; `before`: run untraced, to prepare.

    `needs`: what has to be there. `steady` False: its threads race, so that it differs from itself from run to run.
    """

    name: str
    script: str
    before: str = ""
    needs: tuple[str, ...] = ()
    steady: bool = True

    def missing(self) -> list[str]:
        return [each for each in self.needs if shutil.which(each) is None]


def _busybox(*applets: str) -> list[Program]:
    return [
        Program(f"busybox-{line.split()[0]}", f"exec busybox {line}", before=FILES, needs=("busybox",))
        for line in applets
    ]


def _coreutils(*lines: str) -> list[Program]:
    return [Program(f"core-{line.split()[0]}", f"exec {line}", before=FILES) for line in lines]


FILES = "mkdir d; printf 'b\\na\\nc\\n' >f; ln -s f l; cp /etc/services s; touch -d 2001-02-03 d/old"
PYTHON = "exec /usr/bin/python3 -S -c "
# Whoever comes next waits without a fork whose number depends on how fast the server is.
SERVER = """
nginx -p "$PWD" -c "$PWD/nginx.conf"
curl -s --unix-socket web.sock http://web/f
nginx -p "$PWD" -c "$PWD/nginx.conf" -s quit
"""
NGINX_CONF = """worker_processes 1; pid nginx.pid; error_log error.log; events { worker_connections 32; }
http { access_log off; client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;
server { listen unix:web.sock; root .; } }"""
REDIS = """
redis-server --port 0 --unixsocket "$PWD/r.sock" --save "" --appendonly no >log &
grep -q "eady to accept" log
redis-cli -s r.sock set a b; redis-cli -s r.sock get a; redis-cli -s r.sock shutdown nosave; wait
"""
GO = """package main
import ("fmt"; "os"; "net")
func main() { b, _ := os.ReadFile("f"); fmt.Println(len(b)); l, _ := net.Listen("tcp", "127.0.0.1:0"); go func() { c, _ := l.Accept(); c.Write([]byte("hello")); c.Close() }()
c, _ := net.Dial("tcp", l.Addr().String()); r := make([]byte, 8); n, _ := c.Read(r); fmt.Println(string(r[:n])) }
"""
THREADS = """
import threading, time
lock = threading.Lock()
def work(n):
    for _ in range(5):
        with lock: time.sleep(0.001)
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
"""
SOCKETS = """
import socket, os
a = socket.socketpair(); a[0].send(b"hello"); print(a[1].recv(10))
s = socket.socket(socket.AF_UNIX); s.bind("u"); s.listen(1)
c = socket.socket(socket.AF_UNIX); c.connect("u"); d, _ = s.accept(); c.sendall(b"x" * 50); print(len(d.recv(100)))
n = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); n.bind("\\0agreement"); print(n.getsockname())
for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    try:
        t = socket.socket(family); t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); t.bind((host, 0)); t.listen(5)
        e = socket.create_connection(t.getsockname()[:2]); g, _ = t.accept(); e.send(b"tcp"); print(g.recv(5)); g.shutdown(2)
        u = socket.socket(family, socket.SOCK_DGRAM); u.bind((host, 0)); u.sendto(b"udp", u.getsockname()); print(u.recvfrom(9)[0])
    except OSError as error: print(error)
try:
    k = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); k.bind((0, 0)); print(k.getsockname()[1])
    p = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0); p.bind(("lo", 0)); print(p.getsockname()[0])
except OSError as error: print(error)
"""
POLLS = """
import select, os, time, signal
r, w = os.pipe(); p = select.poll(); p.register(r, select.POLLIN); print(p.poll(1)); os.write(w, b"x"); print(p.poll(1))
print(select.select([r], [w], [], 0.01)); e = select.epoll(); e.register(r, select.EPOLLIN); print(e.poll(0.01))
signal.setitimer(signal.ITIMER_REAL, 0.01); signal.signal(signal.SIGALRM, lambda *_: None); time.sleep(0.05)
"""
FAMILIES = "exec ./program"

FIXED: list[Program] = [
    *_busybox("ls -la", "cat f", "sort f", "grep a f", "sed s/a/b/ f", "awk {print} f", "cp f g", "mv f g", "rm f",
              "mkdir -p x/y", "find .", "wc f", "head -n1 f", "tail -n1 f", "tar cf a.tar d f", "gzip f", "md5sum f",
              "date", "df .", "du .", "id", "ps --help", "uname -a", "stat f", "touch g", "sleep 0.01", "true", "env", "expr 1 + 1",
              "vi --help"),
    *_coreutils("ls -laR .", "cat f s", "sort s", "cp -a d e", "mv f g", "ln f h", "stat f d l", "dd if=s of=t bs=512 count=4",
                "du -a .", "df .", "id", "date", "wc s", "head -c 100 s", "tail -n 3 s", "cut -c1-3 s", "tr a b", "uniq f",
                "touch -d 2001-01-01 n", "chmod 600 f", "chown 0:0 f", "mkdir -p x/y", "rm -rf d", "readlink l", "realpath l",
                "sha256sum s", "timeout 0.05 sleep 1", "nproc", "who", "sync f", "truncate -s 100 f", "mktemp", "mkfifo p",
                "stdbuf -oL cat f", "false", "tee g", "env -i A=b env", "nice -n 1 true", "shuf -i 1-3 --random-source=s",
                "factor 12345", "od f", "seq 3", "split -l 100 s", "install f z", "pathchk f"),
    Program("find", "exec find . -type f -newer d/old", before=FILES),
    Program("grep", "exec grep -rn ssh .", before=FILES),
    Program("awk", "exec awk -F: '{print $1}' s", before=FILES),
    Program("sed", "exec sed -i s/a/b/ f", before=FILES),
    Program("tar", "exec tar cvf a.tar d f", before=FILES),
    Program("tar-xz", "exec tar cJf a.tar.xz d f", before=FILES, needs=("xz",)),
    Program("tar-x", "exec tar xf a.tar -C d", before=FILES + "; tar cf a.tar f s"),
    Program("gzip", "exec gzip -k s", before=FILES),
    Program("bash", "exec bash --norc -c 'x=$(echo hello | tr a-z A-Z); echo \"$x\"; for i in 1 2 3; do :; done; ls | wc -l'"),
    Program("bash-jobs", "exec bash --norc -c 'sleep 0.02 & sleep 0.01 & wait; trap \"echo bye\" EXIT; (exit 3); kill -0 $$; echo $?'"),
    Program("dash", "exec dash -c 'echo a >f; while read x; do echo \"$x\"; done <f; echo *; test -d /; umask; ulimit -n'"),
    Program("python", PYTHON + "'print(1)'"),
    Program("python-imports", PYTHON + "'import json, re, decimal, os; print(os.listdir(\".\"))'", before=FILES),
    Program("python-threads", PYTHON + f"'{THREADS}'", steady=False),
    Program("python-sockets", PYTHON + f"'{SOCKETS}'"),
    Program("python-polls", PYTHON + f"'{POLLS}'"),
    Program("python-subprocess", PYTHON + "'import subprocess; print(subprocess.run([\"echo\", \"a\"], capture_output=True))'"),
    Program("python-mmap", PYTHON + "'import mmap; m = mmap.mmap(-1, 8192); m[0] = 1; m.madvise(mmap.MADV_DONTNEED); m.close()'"),
    Program("perl", "exec perl -e 'print \"$_\\n\" for sort glob(\"*\"); open F, \">n\"; print F 1; close F; system(\"true\")'", before=FILES, needs=("perl",)),
    Program("sqlite3", "exec sqlite3 a.db 'create table t(x); insert into t values(1); select * from t;'", needs=("sqlite3",)),
    Program("git-init", "exec git init -q .", needs=("git",)),
    Program("git-commit", "exec git -c user.name=a -c user.email=b@c -c gc.auto=0 commit -qm x", before=FILES + "; git init -q .; git add f s", needs=("git",)),
    Program("git-log", "exec git --no-pager log --stat", before=FILES + "; git init -q .; git add f; git -c user.name=a -c user.email=b@c commit -qm x", needs=("git",)),
    Program("openssl", "exec openssl dgst -sha256 s", before=FILES, needs=("openssl",)),
    Program("openssl-rand", "exec openssl rand -hex 8", needs=("openssl",)),
    Program("curl-file", "exec curl -s file://$PWD/f", before=FILES, needs=("curl",), steady=False),
    Program("curl-refused", "exec curl -s http://127.0.0.1:9/", needs=("curl",), steady=False),
    Program("gcc", "exec gcc -c a.c", before="echo 'int main(void){return 0;}' >a.c", needs=("gcc",)),
    Program("make", "exec make -s all", before="printf 'all: a\\n\\t@cat a\\na:\\n\\techo 1 >a\\n' >Makefile", needs=("make",)),
    Program("jq", "exec jq -n '{a: 1}'", needs=("jq",)),
    Program("xz", "exec xz -k s", before=FILES, needs=("xz",)),
    Program("ip", "exec ip addr", needs=("ip",)),
    Program("ss", "exec ss -xl", needs=("ss",)),
    Program("mount", "exec mount", needs=("mount",)),
    Program("unshare", "exec unshare -Ur true", needs=("unshare",)),
    Program("setpriv", "exec setpriv --no-new-privs true", needs=("setpriv",)),
    Program("nginx", SERVER, before=FILES + f"; mkdir t; printf '%s' '{NGINX_CONF}' >nginx.conf", needs=("nginx", "curl"), steady=False),
    Program("redis", REDIS, before="mkfifo log", needs=("redis-server", "redis-cli"), steady=False),
    Program("go", "exec ./program", before=FILES + f"; cat >a.go <<'END'\n{GO}\nEND\nGOCACHE=/tmp/agreement-go GOFLAGS=-mod=mod go build -o program a.go", needs=("go",), steady=False),
    Program("static", "exec ./program", before="echo '#include <stdio.h>\nint main(void){puts(\"hello\");return 3;}' >a.c; gcc -static -o program a.c", needs=("gcc",)),
    Program("killed", "exec sh -c 'kill -9 $$'"),
    Program("aborted", "exec sh -c 'ulimit -c 0; kill -ABRT $$'"),
    Program("pipeline", "cat f | sort | uniq -c | head -n 2", before=FILES),
]  # fmt: skip


def _compiled() -> list[Program]:
    """The C programs beside this file, each one also as a 32-bit one; `// flags: ...` in its first lines is for gcc."""
    found = []
    for source in sorted(HERE.glob("*.c")):
        flags = next(
            (line.partition("flags:")[2] for line in source.read_text().splitlines()[:30] if "flags:" in line), ""
        )
        flags = flags.replace("*/", "").strip()
        compile_ = f"gcc -O0 -w -D_GNU_SOURCE -pthread -I'{HERE}' -o program '{source}' {flags}"
        found.append(Program(source.stem, FAMILIES, before=f"{FILES}; {compile_}", needs=("gcc",)))
        found.append(Program(f"{source.stem}@32", FAMILIES, before=f"{FILES}; {compile_} -m32", needs=("gcc",)))
    return found


PROGRAMS = [*FIXED, *_compiled()]


def chosen(names: list[str]) -> list[Program]:
    """Those with these names, or whose names begin so where a name ends with `*`; all of them without any."""
    unknown = [name for name in names if not any(_means(name, program.name) for program in PROGRAMS)]
    if unknown:
        raise SystemExit(f"no such program: {', '.join(unknown)} (known: {', '.join(each.name for each in PROGRAMS)})")
    return [each for each in PROGRAMS if not names or any(_means(name, each.name) for name in names)]


def _means(wanted: str, name: str) -> bool:
    return name.startswith(wanted[:-1]) if wanted.endswith("*") else name == wanted

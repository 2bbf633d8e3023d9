/* SPDX-License-Identifier: Apache-2.0
 * The ioctls of a terminal, on a pseudo-terminal of its own. */
#define _GNU_SOURCE
#include <asm/termbits.h>
#include <fcntl.h>
#include <linux/kd.h>
#include <linux/serial.h>
#include <linux/tty.h>
#include <linux/vt.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BAD ((void *)8)
#define call(fd, request, ...) syscall(SYS_ioctl, fd, request, __VA_ARGS__)

static void settings(int tty)
{
	struct termios termios;
	struct termios2 termios2;
	struct termio termio;
	char locked[64] = "";
	call(tty, TCGETS, &termios);
	call(tty, TCGETS, NULL);
	call(tty, TCGETS, BAD);
	call(-1, TCGETS, &termios);
	call(tty, TCSETS, &termios);
	termios.c_lflag &= ~(ICANON | ECHO | ISIG);
	termios.c_iflag |= IGNBRK | BRKINT | IGNPAR | PARMRK | INPCK | ISTRIP | INLCR | IGNCR | IUCLC | IXANY | IXOFF |
	                   IMAXBEL | IUTF8 | 0x80000;
	termios.c_oflag |=
		OLCUC | OCRNL | ONOCR | ONLRET | OFILL | OFDEL | NL1 | CR2 | TAB3 | BS1 | VT1 | FF1 | 0x100000;
	call(tty, TCSETSW, &termios);
	termios.c_cflag = B9600 | CS7 | CSTOPB | PARENB | PARODD | HUPCL | CLOCAL | CRTSCTS | CMSPAR;
	termios.c_lflag |= XCASE | ECHOE | ECHOK | ECHONL | NOFLSH | TOSTOP | ECHOCTL | ECHOPRT | ECHOKE | FLUSHO |
	                   PENDIN | IEXTEN | EXTPROC;
	call(tty, TCSETSF, &termios);
	termios.c_cflag = B4000000 | CREAD | (B300 << 16);
	termios.c_lflag = 0, termios.c_iflag = 0, termios.c_oflag = 0, termios.c_line = 3;
	call(-1, TCSETSF, &termios);
	call(-1, TCSETSF, BAD);
	call(tty, TCGETA, &termio);
	call(tty, TCSETA, &termio);
	call(-1, TCSETAW, &termio);
	call(-1, TCSETAF, NULL);
	call(tty, _IOR('T', 0x2a, struct termios2), &termios2);
	call(tty, _IOW('T', 0x2b, struct termios2), &termios2);
	call(-1, _IOW('T', 0x2c, struct termios2), &termios2);
	call(-1, _IOW('T', 0x2d, struct termios2), BAD);
	call(tty, TIOCGLCKTRMIOS, locked);
	call(-1, TIOCSLCKTRMIOS, locked);
}

static void control(int tty, int master)
{
	struct winsize size = {24, 80, 0, 0};
	int number = 7;
	char byte = 'x';
	call(tty, TIOCGWINSZ, &size);
	size.ws_row = 50;
	call(tty, TIOCSWINSZ, &size);
	call(tty, TIOCSWINSZ, BAD);
	call(-1, TIOCGWINSZ, &size);
	call(tty, TIOCGWINSZ, NULL);
	call(tty, TIOCGPGRP, &number);
	call(tty, TIOCSPGRP, &number);
	call(tty, TIOCSPGRP, BAD);
	call(tty, TIOCGSID, &number);
	call(tty, TIOCSCTTY, 0L);
	call(-1, TIOCSCTTY, 1L);
	call(tty, TIOCGSID, &number);
	call(tty, TIOCGPGRP, &number);
	call(tty, TIOCSPGRP, &number);
	call(tty, TIOCOUTQ, &number);
	call(tty, FIONREAD, &number);
	call(tty, FIONREAD, BAD);
	call(tty, TIOCGETD, &number);
	call(tty, TIOCSETD, &number);
	number = 77;
	call(tty, TIOCSETD, &number);
	call(tty, TIOCMGET, &number);
	number = 0x1af;
	call(tty, TIOCMSET, &number);
	call(tty, TIOCMBIS, &number);
	call(tty, TIOCMBIC, &number);
	call(tty, TIOCEXCL, 0L);
	call(tty, TIOCNXCL, 0L);
	call(tty, TIOCGEXCL, &number);
	call(tty, TIOCSTI, &byte);
	call(-1, TIOCSTI, BAD);
	call(tty, TCSBRK, 1L);
	call(tty, TCSBRKP, 0L);
	call(tty, TIOCSBRK, 0L);
	call(tty, TIOCCBRK, 0L);
	call(tty, TCXONC, (long)TCOON);
	call(tty, TCXONC, (long)TCOOFF);
	call(tty, TCXONC, (long)TCOON);
	call(tty, TCXONC, 99L);
	call(tty, TCFLSH, (long)TCIOFLUSH);
	call(tty, TCFLSH, 99L);
	call(tty, TIOCGSOFTCAR, &number);
	call(tty, TIOCSSOFTCAR, &number);
	call(tty, TIOCVHANGUP, 0L);
	call(tty, TIOCCONS, 0L + 5);
	call(master, TIOCGPTN, &number);
	call(-1, TIOCGPTN, &number);
	number = 0;
	call(master, TIOCSPTLCK, &number);
	call(master, TIOCGPTLCK, &number);
	number = 1;
	call(master, TIOCPKT, &number);
	call(master, TIOCGPKT, &number);
	call(-1, TIOCGPTPEER, (long)(O_RDWR | O_NOCTTY));
	call(master, TIOCGDEV, &number);
	call(master, TIOCSIG, 2L);
	number = 1;
	call(tty, FIONBIO, &number);
	call(tty, FIOASYNC, &number);
	call(tty, FIOCLEX, 0L);
	call(tty, FIONCLEX, 0L);
	call(tty, FIOQSIZE, &number);
	call(tty, TIOCNOTTY, 0L);
	call(tty, KDGKBTYPE, &byte);
	call(tty, KDGETMODE, &number);
	call(tty, KDGKBMODE, &number);
	call(tty, KDSKBMODE, 3L);
	call(tty, GIO_FONT, BAD);
	call(tty, VT_GETSTATE, BAD);
	call(tty, VT_ACTIVATE, 3L);
	call(tty, VT_OPENQRY, &number);
	call(tty, TIOCGSERIAL, BAD);
	call(tty, TIOCLINUX, &byte);
	call(tty, TIOCMIWAIT, 3L);
	call(tty, TIOCGRS485, BAD);
}

int main(void)
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK), zero = 0, number = 0;
	setsid();
	call(master, TIOCSPTLCK, &zero);
	int tty = call(master, TIOCGPTPEER, (long)(O_RDWR | O_NOCTTY | O_NONBLOCK));
	signal(SIGHUP, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	settings(tty);
	control(tty, master);
	return 0;
}

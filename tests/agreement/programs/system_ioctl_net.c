/* SPDX-License-Identifier: Apache-2.0
 * The ioctls of sockets, network interfaces and tun. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#define _LINUX_IF_H /* net/if.h has the same */
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BAD ((void *)8)
#define call(fd, request, ...) syscall(SYS_ioctl, fd, request, __VA_ARGS__)

static void interfaces(int fd)
{
	static const int gets[] = {SIOCGIFINDEX,   SIOCGIFFLAGS,   SIOCGIFADDR,   SIOCGIFDSTADDR,
	                           SIOCGIFBRDADDR, SIOCGIFNETMASK, SIOCGIFMETRIC, SIOCGIFMEM,
	                           SIOCGIFMTU,     SIOCGIFHWADDR,  SIOCGIFMAP,    SIOCGIFTXQLEN,
	                           SIOCGIFSLAVE,   SIOCGIFENCAP,   SIOCGIFPFLAGS, SIOCGIFBR};
	static const int sets[] = {SIOCSIFFLAGS,  SIOCSIFMETRIC, SIOCSIFMTU,   SIOCSIFTXQLEN, SIOCSIFADDR,
	                           SIOCSIFHWADDR, SIOCSIFNAME,   SIOCSIFSLAVE, SIOCSIFMAP,    SIOCSIFNETMASK,
	                           SIOCADDMULTI,  SIOCDELMULTI,  SIOCSIFBR,    SIOCSIFMEM,    SIOCSIFENCAP,
	                           SIOCSIFPFLAGS, SIOCSIFLINK};
	struct ifreq request;
	for (size_t i = 0; i < sizeof gets / sizeof *gets; i++) {
		memset(&request, 0, sizeof request);
		strcpy(request.ifr_name, "lo");
		call(fd, gets[i], &request);
	}
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
		memset(&request, 0, sizeof request);
		strcpy(request.ifr_name, "none");
		request.ifr_flags = 0x1041;
		call(-1, sets[i], &request);
	}
	call(fd, SIOCGIFADDR, BAD);
	call(fd, SIOCGIFADDR, NULL);
	call(-1, SIOCGIFMTU, &request);
	memset(request.ifr_name, 'x', sizeof request.ifr_name);
	call(fd, SIOCGIFMTU, &request);
	request.ifr_ifindex = 1;
	call(fd, SIOCGIFNAME, &request);
	request.ifr_ifindex = 999;
	call(fd, SIOCGIFNAME, &request);
	call(fd, SIOCGIFNAME, BAD);
}

static void lists(int fd)
{
	struct ifreq requests[4];
	struct ifconf conf = {.ifc_len = sizeof requests, .ifc_req = requests};
	struct rtentry route = {.rt_dev = "lo"};
	struct arpreq arp = {.arp_dev = "lo"};
	call(fd, SIOCGIFCONF, &conf);
	conf.ifc_len = 0;
	call(fd, SIOCGIFCONF, &conf);
	conf.ifc_req = NULL;
	call(fd, SIOCGIFCONF, &conf);
	conf.ifc_len = -1, conf.ifc_req = requests;
	call(fd, SIOCGIFCONF, &conf);
	call(-1, SIOCGIFCONF, &conf);
	call(fd, SIOCGIFCONF, BAD);
	call(fd, SIOCGIFCONF, NULL);
	call(-1, SIOCADDRT, &route);
	call(-1, SIOCDELRT, &route);
	call(fd, SIOCGARP, &arp);
	call(-1, SIOCSARP, &arp);
	call(-1, SIOCDARP, &arp);
	call(-1, SIOCETHTOOL, requests);
	call(-1, SIOCGSTAMP, requests);
	call(-1, SIOCGSTAMPNS, requests);
	call(-1, SIOCGMIIPHY, requests);
	call(-1, SIOCBONDENSLAVE, requests);
	call(-1, SIOCBRADDBR, "bridge");
	call(-1, SIOCGIFVLAN, requests);
	call(-1, SIOCOUTQNSD, requests);
	call(-1, SIOCSHWTSTAMP, requests);
	call(-1, SIOCDEVPRIVATE, requests);
	call(-1, SIOCDEVPRIVATE + 3, requests);
	call(-1, SIOCPROTOPRIVATE, requests);
	call(-1, SIOCGIFINDEX, requests);
	call(-1, SIOCGSKNS, 0L);
}

static void sockets(int fd)
{
	int number = 1;
	call(fd, FIONBIO, &number);
	call(fd, FIOASYNC, &number);
	call(fd, FIONREAD, &number);
	call(fd, TIOCOUTQ, &number);
	call(fd, SIOCATMARK, &number);
	number = getpid();
	call(fd, FIOSETOWN, &number);
	call(fd, FIOGETOWN, &number);
	call(fd, SIOCSPGRP, &number);
	call(fd, SIOCGPGRP, &number);
	call(fd, SIOCSPGRP, BAD);
	call(fd, FIONBIO, BAD);
	call(fd, FIONBIO, NULL);
	call(-1, FIONBIO, &number);
	call(-1, SIOCATMARK, &number);
}

static void tunnels(void)
{
	struct ifreq request = {.ifr_name = "tun%d"};
	int number = 1;
	unsigned features;
	request.ifr_flags = IFF_TUN | IFF_NO_PI;
	call(-1, TUNSETIFF, &request);
	call(-1, TUNGETIFF, &request);
	call(-1, TUNSETPERSIST, 1L);
	call(-1, TUNSETOWNER, 1L);
	call(-1, TUNSETGROUP, 1L);
	call(-1, TUNSETNOCSUM, 1L);
	call(-1, TUNSETDEBUG, 1L);
	call(-1, TUNSETLINK, 1L);
	call(-1, TUNSETOFFLOAD, 1L);
	call(-1, TUNGETFEATURES, &features);
	call(-1, TUNSETTXFILTER, BAD);
	call(-1, TUNSETSNDBUF, &number);
	call(-1, TUNGETSNDBUF, &number);
	call(-1, TUNSETVNETHDRSZ, &number);
	call(-1, TUNSETQUEUE, &request);
}

int main(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	interfaces(fd);
	lists(fd);
	sockets(fd);
	tunnels();
	return 0;
}

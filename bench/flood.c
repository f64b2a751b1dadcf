// bench-flood udp|tcp ADDRESS PORT SECONDS: sends small datagrams, or opens and drops connections, as fast as it can.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kBatch = 64, kOpen = 256 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned long flood_udp(const struct sockaddr_in* target, double end) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  char payload[18] = "flood";
  struct iovec piece = {payload, sizeof payload};
  struct mmsghdr messages[kBatch];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < kBatch; ++i) {
    messages[i].msg_hdr.msg_iov = &piece;
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_name = (void*)target;
    messages[i].msg_hdr.msg_namelen = sizeof *target;
  }
  unsigned long sent = 0;
  while (now() < end) {
    int count = sendmmsg(fd, messages, kBatch, 0);  // a full queue, a refusal that came back: go on
    if (count > 0) sent += (unsigned long)count;
  }
  close(fd);
  return sent;
}

static unsigned long flood_tcp(const struct sockaddr_in* target, double end) {
  int fds[kOpen];
  for (int i = 0; i < kOpen; ++i) fds[i] = -1;
  unsigned long tried = 0;
  // Each connection lives until its place is needed again, and is then reset, so that no port stays in TIME-WAIT.
  const struct linger reset = {.l_onoff = 1, .l_linger = 0};
  for (int i = 0; now() < end; i = (i + 1) % kOpen, ++tried) {
    if (fds[i] >= 0) close(fds[i]);
    fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    (void)!connect(fds[i], (const struct sockaddr*)target, sizeof *target);
  }
  return tried;
}

int main(int argc, char** argv) {
  struct sockaddr_in target = {.sin_family = AF_INET};
  if (argc != 5 || inet_pton(AF_INET, argv[2], &target.sin_addr) != 1) {
    fprintf(stderr, "usage: bench-flood udp|tcp ADDRESS PORT SECONDS\n");
    return 2;
  }
  target.sin_port = htons((unsigned short)atoi(argv[3]));
  double end = now() + atof(argv[4]);
  printf("%lu\n", strcmp(argv[1], "tcp") == 0 ? flood_tcp(&target, end) : flood_udp(&target, end));
  return 0;
}

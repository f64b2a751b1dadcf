// flood ADDRESS PORT [BYTES]: sends UDP packets as fast as it can, until it is killed. Prints "ready" first.
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int argc, char** argv) {
  static char packet[1400];
  if (argc < 3) return 2;
  size_t size = argc > 3 ? strtoul(argv[3], NULL, 10) : 64;
  if (size > sizeof packet) size = sizeof packet;
  struct sockaddr_storage to = {0};
  struct sockaddr_in* four = (struct sockaddr_in*)&to;
  struct sockaddr_in6* six = (struct sockaddr_in6*)&to;
  if (inet_pton(AF_INET, argv[1], &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons((unsigned short)atoi(argv[2]));
  } else if (inet_pton(AF_INET6, argv[1], &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons((unsigned short)atoi(argv[2]));
  } else {
    return 2;
  }
  int fd = socket(to.ss_family, SOCK_DGRAM, 0);
  if (connect(fd, (struct sockaddr*)&to, to.ss_family == AF_INET ? sizeof *four : sizeof *six) != 0) return 1;
  printf("ready\n");
  fflush(stdout);
  for (;;) send(fd, packet, size, 0);  // ECONNREFUSED and ENOBUFS are what a flood meets
}

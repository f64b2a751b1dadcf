// A server for tests of networks: it says who it is and whom it sees.
// Usage: server NAME PORT[/udp]...    It listens on every address of both families, prints "ready" and serves until killed.
//   TCP: HTTP/1.1 with connections that stay. Any path answers "NAME PEER"; /bytes/N answers N bytes; a body that is sent
//        is read to its end, and answered with "NAME PEER".
//   UDP: a packet is answered with "NAME PEER".
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static const char* name;

// "NAME PEER"; an IPv4 client of a socket for both families is shown as such.
static void say(char* out, size_t size, const struct sockaddr_in6* peer) {
  char address[INET6_ADDRSTRLEN];
  if (IN6_IS_ADDR_V4MAPPED(&peer->sin6_addr))
    inet_ntop(AF_INET, peer->sin6_addr.s6_addr + 12, address, sizeof address);
  else
    inet_ntop(AF_INET6, &peer->sin6_addr, address, sizeof address);
  snprintf(out, size, "%s %s", name, address);
}

static int write_all(int fd, const char* data, size_t size) {
  while (size > 0) {
    ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
    if (n <= 0) return -1;
    data += n;
    size -= (size_t)n;
  }
  return 0;
}

static int answer(int fd, const char* body, unsigned long long length, int filler) {
  static char block[65536];
  int n = snprintf(block, sizeof block, "HTTP/1.1 200 OK\r\nContent-Length: %llu\r\n\r\n", length);
  if (write_all(fd, block, (size_t)n) != 0) return -1;
  if (!filler) return write_all(fd, body, (size_t)length);
  memset(block, 'x', sizeof block);
  for (; length > 0;) {
    size_t part = length < sizeof block ? (size_t)length : sizeof block;
    if (write_all(fd, block, part) != 0) return -1;
    length -= part;
  }
  return 0;
}

// The value of a header, 0 if it is not there.
static unsigned long long content_length(const char* head) {
  for (const char* line = strstr(head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n"))
    if (strncasecmp(line + 2, "content-length:", 15) == 0) return strtoull(line + 17, NULL, 10);
  return 0;
}

static int skip(int fd, unsigned long long length) {
  static char block[65536];
  while (length > 0) {
    ssize_t n = read(fd, block, length < sizeof block ? (size_t)length : sizeof block);
    if (n <= 0) return -1;
    length -= (unsigned long long)n;
  }
  return 0;
}

// One connection, request after request, until the client closes it.
static void serve_connection(int fd, const struct sockaddr_in6* peer) {
  char head[8192], said[256];
  size_t have = 0;
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  say(said, sizeof said, peer);
  for (;;) {
    head[have] = '\0';
    char* end = strstr(head, "\r\n\r\n");
    if (end == NULL) {
      ssize_t n = have < sizeof head - 1 ? read(fd, head + have, sizeof head - 1 - have) : 0;
      if (n <= 0) return;
      have += (size_t)n;
      continue;
    }
    end += 4;
    size_t behind = have - (size_t)(end - head);
    unsigned long long body = content_length(head);
    unsigned long long wanted = 0;
    if (strstr(head, "100-continue") != NULL && write_all(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25) != 0)
      return;
    if (body > behind && skip(fd, body - behind) != 0) return;
    size_t used = (size_t)(end - head) + (body < behind ? (size_t)body : behind);
    int filler = sscanf(head, "GET /bytes/%llu ", &wanted) == 1;
    if (answer(fd, said, filler ? wanted : strlen(said), filler) != 0) return;
    memmove(head, head + used, have - used);
    have -= used;
  }
}

// `parent` may be gone already: then no signal will come.
static void die_with(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);
}

static void serve_tcp(int server) {
  pid_t self = getpid();
  for (;;) {
    struct sockaddr_in6 peer;
    socklen_t size = sizeof peer;
    int fd = accept(server, (struct sockaddr*)&peer, &size);
    if (fd < 0) continue;
    if (fork() == 0) {
      die_with(self);
      close(server);
      serve_connection(fd, &peer);
      _exit(0);
    }
    close(fd);
  }
}

static void serve_udp(int server) {
  char packet[65536], said[256];
  for (;;) {
    struct sockaddr_in6 peer;
    socklen_t size = sizeof peer;
    if (recvfrom(server, packet, sizeof packet, 0, (struct sockaddr*)&peer, &size) < 0) continue;
    say(said, sizeof said, &peer);
    sendto(server, said, strlen(said), 0, (struct sockaddr*)&peer, size);
  }
}

static int listener(int port, int udp) {
  int fd = socket(AF_INET6, udp ? SOCK_DGRAM : SOCK_STREAM, 0);
  int one = 1;
  struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons((unsigned short)port)};
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr*)&any, sizeof any) != 0 || (!udp && listen(fd, 1024) != 0)) {
    printf("listen on %d: %s\n", port, strerror(errno));
    exit(1);
  }
  return fd;
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  name = argv[1];
  signal(SIGCHLD, SIG_IGN);
  pid_t self = getpid();
  for (int i = 2; i < argc; i++) {
    int udp = strstr(argv[i], "/udp") != NULL;
    int fd = listener(atoi(argv[i]), udp);
    if (fork() == 0) {
      die_with(self);
      if (udp) serve_udp(fd);
      serve_tcp(fd);
    }
    close(fd);
  }
  printf("ready\n");
  fflush(stdout);
  for (;;) pause();
}

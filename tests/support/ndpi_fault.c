// Library for LD_PRELOAD: makes nDPI fail while it reads a packet that has a header line "X-Fault: KIND". nDPI itself cannot
// be replaced, because it is linked from its archive. It compares header lines with strncasecmp(), which spanflow's own
// readers do not use.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static const char kLine[] = "X-Fault: ";

static int begins_with(const char* text, const char* word) { return memcmp(text, word, strlen(word)) == 0; }

static double cpu_seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void compute_for(double seconds) {
  for (const double end = cpu_seconds() + seconds; cpu_seconds() < end;) continue;
}

// The stack overflows.
static int recurse(volatile char* from) {
  volatile char room[4096];
  room[0] = from[0];
  return recurse(room) + room[0];
}

static void fail(const char* kind) {
  if (begins_with(kind, "segv")) *(volatile int*)8 = 0;
  if (begins_with(kind, "abort")) abort();
  if (begins_with(kind, "stack")) recurse((volatile char*)kind);
  if (begins_with(kind, "slow")) compute_for(0.2);
  if (begins_with(kind, "hang")) compute_for(1e9);
  // Reads one octet behind the packet, which ends with an empty line.
  if (begins_with(kind, "read")) (void)*(volatile const char*)(strstr(kind, "\r\n\r\n") + 4);
}

int strncasecmp(const char* one, const char* other, size_t most) {
  static int (*real)(const char*, const char*, size_t);
  if (real == NULL) real = (int (*)(const char*, const char*, size_t))dlsym(RTLD_NEXT, "strncasecmp");
  if (begins_with(one, kLine)) fail(one + strlen(kLine));
  return real(one, other, most);
}

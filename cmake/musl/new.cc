// operator new for programs that live a few milliseconds. musl's malloc asks the kernel for pages, and gives them back,
// some forty times during one `run`: a tenth of the program's own time. Small blocks come from one arena and go to a free
// list of their size, so that what runs for days (a foreground `run`) does not grow. There is one thread.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

constexpr size_t kAlign = 16;          // of every block, and the size of the header before it
constexpr size_t kSmallest = 32;       // sizes are powers of two from here, header included
constexpr unsigned kClasses = 9;       // up to 8 KiB
constexpr unsigned kLarge = kClasses;  // malloc's
constexpr size_t kChunk = 64 * 1024;

struct alignas(kAlign) Header {
  uint64_t size_class;
  Header* next;
};
static_assert(sizeof(Header) == kAlign);

Header* g_free[kClasses];
alignas(kAlign) char g_first_chunk[kChunk];
char* g_at = g_first_chunk;
char* g_end = g_first_chunk + kChunk;

unsigned class_of(size_t size) {
  unsigned index = 0;
  for (size_t room = kSmallest; room < size && index < kClasses; room *= 2) ++index;
  return index;
}

Header* from_arena(unsigned index) {
  const size_t size = kSmallest << index;
  if (static_cast<size_t>(g_end - g_at) < size) {
    auto* chunk = static_cast<char*>(std::malloc(kChunk));
    if (chunk == nullptr) return nullptr;
    g_at = chunk;
    g_end = chunk + kChunk;
  }
  auto* header = reinterpret_cast<Header*>(g_at);
  g_at += size;
  return header;
}

Header* find_block(unsigned index, size_t size) {
  if (index == kLarge) return static_cast<Header*>(std::malloc(size));
  if (Header* header = g_free[index]; header != nullptr) {
    g_free[index] = header->next;
    return header;
  }
  return from_arena(index);
}

}  // namespace

void* operator new(size_t size) {
  if (size > SIZE_MAX / 2) std::abort();
  size += sizeof(Header);
  const unsigned index = class_of(size);
  Header* header = find_block(index, size);
  // Nothing of ours could go on without memory, and nothing catches std::bad_alloc.
  if (header == nullptr) std::abort();
  header->size_class = index;
  return header + 1;
}

void operator delete(void* block) noexcept {
  if (block == nullptr) return;
  Header* header = static_cast<Header*>(block) - 1;
  if (header->size_class == kLarge) {
    std::free(header);
    return;
  }
  header->next = g_free[header->size_class];
  g_free[header->size_class] = header;
}

void operator delete(void* block, size_t /*size*/) noexcept {
  operator delete(block);
}
